package status

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/wire/dhcp"
)

// A builder makes one Report.
type builder struct {
	Input
	report Report
	found  []found
	served map[count.ServerID]serverState
	losing map[Subject]found // drops that leave clients without an address
	byName map[named]*Link
}

// A named says which Link.
type named struct {
	name   string
	family dhcp.Family
}

// Build tells what the relay does, what is wrong and what to do about it.
func Build(in Input) Report {
	b := &builder{Input: in, served: make(map[count.ServerID]serverState), losing: make(map[Subject]found), byName: make(map[named]*Link)}
	for i := range b.Links {
		l := &b.Links[i]
		b.byName[named{l.Name, l.Family}] = l
	}
	b.report = Report{
		Version: in.Version, Host: in.Host,
		Time: in.Now, Started: in.Started,
		Uptime: max(0, in.Now.Sub(in.Started).Seconds()), Window: in.Counts.Window.Seconds(),
		Config: in.Config, Recorder: in.Recorder, Takeover: in.Takeover, Confinement: in.Confinement,
		Groups:     groupsOf(in.Groups),
		Listeners:  append([]Listener{}, in.Listeners...),
		Interfaces: make([]Interface, 0, len(in.Links)),
		Servers:    make([]Server, 0, len(in.Servers)),
		Drops:      []Drop{}, Kernel: []KernelDrops{}, SendErrors: []SendError{},
	}
	b.report.Confinement.Capabilities = append([]string{}, in.Confinement.Capabilities...)
	b.configuration()
	b.names()
	b.servers()
	b.drops()
	b.interfaces()
	b.losses()
	b.host()
	b.sortInterfaces()
	b.report.Findings = fold(b.found)
	return b.report
}

// add notes a finding.
func (b *builder) add(f found) { b.found = append(b.found, f) }

// flow counts the messages of one family and direction.
func flow(c *count.OfLink, f dhcp.Family, d dhcp.Direction) Flow {
	r := c.Relayed[f][d]
	n := Flow{Relayed: r.Total, RecentRelayed: r.Recent}
	for i := range c.Drops {
		if o := &c.Drops[i]; o.Family == f && o.Direction == d {
			n.Dropped += o.Count.Total
			n.RecentDropped += o.Count.Recent
		}
	}
	n.Received = n.Relayed + n.Dropped
	return n
}

// sortInterfaces puts those with trouble first.
func (b *builder) sortInterfaces() {
	slices.SortStableFunc(b.report.Interfaces, func(x, y Interface) int {
		calm := func(i Interface) int {
			switch {
			case i.Reason == "":
				return 2
			case i.State == agent.Missing:
				return 1
			}
			return 0
		}
		return cmp.Or(cmp.Compare(calm(x), calm(y)), natural(x.Name, y.Name), cmp.Compare(x.Family, y.Family))
	})
}

func (b *builder) drops() {
	for name, c := range b.Counts.Links {
		b.floods(name, &c)
		for i := range c.Drops {
			d := &c.Drops[i]
			doc := d.Reason.DocOf(d.Direction)
			b.report.Drops = append(b.report.Drops, Drop{
				Interface: name, Family: d.Family, Direction: d.Direction,
				Reason: doc.Name, What: doc.What, Remedy: doc.Remedy,
				Count: d.Count.Total, Recent: d.Count.Recent, LastSeen: d.Last,
			})
			if d.Count.Recent > 0 && !expected(d.Reason) && !b.stated(name, d) {
				f := b.judgeDrop(name, &c, d)
				if !b.saidOfServers(d) {
					b.add(f)
				}
				if f.severity == Error {
					b.losing[f.about] = f
				}
			}
		}
	}
	slices.SortFunc(b.report.Drops, func(x, y Drop) int {
		return cmp.Or(
			y.LastSeen.Compare(x.LastSeen),
			cmp.Compare(y.Recent, x.Recent),
			natural(x.Interface, y.Interface),
			cmp.Compare(x.Family, y.Family),
			cmp.Compare(x.Direction, y.Direction),
			strings.Compare(x.Reason, y.Reason),
		)
	})
}

// losses tells of what the kernel has dropped and refused.
func (b *builder) losses() {
	for f, c := range b.Counts.Kernel {
		if c.Total > 0 {
			b.report.Kernel = append(b.report.Kernel, KernelDrops{dhcp.Family(f), c.Total, c.Recent})
		}
		if c.Recent == 0 {
			continue
		}
		n := overrun(dhcp.Family(f), c.Recent, b.window())
		if last := b.Counts.KernelLast[f]; !b.now(last) {
			n = b.past(n, last, "")
		}
		b.add(n)
	}
	b.sendErrors()
}

// window says how long back "recent" reaches.
func (b *builder) window() string { return "in the last " + span(b.Counts.Window) }

// span says a duration in words, to the minute or below that to the second.
func span(d time.Duration) string {
	if d < 2*time.Minute {
		return plural(uint64(max(0, d)/time.Second), "second")
	}
	return plural(uint64(d/time.Minute), "minute")
}

// natural compares names as people count: vlan9 comes before vlan10.
func natural(a, b string) int {
	for a != "" && b != "" {
		x, y := digits(a), digits(b)
		if x == 0 || y == 0 {
			if a[0] != b[0] {
				return cmp.Compare(a[0], b[0])
			}
			a, b = a[1:], b[1:]
			continue
		}
		m, n := strings.TrimLeft(a[:x], "0"), strings.TrimLeft(b[:y], "0")
		if c := cmp.Or(cmp.Compare(len(m), len(n)), strings.Compare(m, n), cmp.Compare(x, y)); c != 0 {
			return c
		}
		a, b = a[x:], b[y:]
	}
	return cmp.Compare(len(a), len(b))
}

// digits returns how many digits s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}
