package status

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/text"
	"dhcp-relay/relay/wire/dhcp"
)

// mostRows is how many interfaces and drops are shown unless all are wanted.
const mostRows = 20

// mostNamed is how many of many interfaces or servers a line names.
const mostNamed = 3

// textWidth is how wide the text of findings may be, in characters.
const textWidth = 79

// WriteText writes a report for people: what is wrong and what to do first, then
// servers, interfaces and drops. Long lists are cut short unless all is set.
func (r *Report) WriteText(w io.Writer, all bool) error {
	var b strings.Builder
	r.writeHead(&b)
	writeFindings(&b, r.Findings)
	r.writeServers(&b)
	r.writeNames(&b)
	r.writeGroups(&b)
	r.writeInterfaces(&b, all)
	r.writeDrops(&b, all)
	r.writeLosses(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) writeHead(b *strings.Builder) {
	fmt.Fprintf(b, "dhcp-relay %s on %s, up %s\n", r.Version, r.Host, uptime(r.Uptime))
	fmt.Fprintf(b, "configuration %s (%s), loaded %s\n", r.Config.File, r.Config.Hash, r.Config.Loaded.Format(time.DateTime+" MST"))
	if t := r.Takeover; t != nil {
		fmt.Fprintf(b, "%s\n", t)
	}
	fmt.Fprintf(b, "%s\n", r.Confinement)
	fmt.Fprintf(b, "%s; the counts below are of the last %s\n", r.relaying(), span(time.Duration(r.Window*float64(time.Second))))
}

// String says whose sockets were taken over.
func (t *Takeover) String() string {
	s := strconv.Itoa(t.Sockets) + " of " + plural(uint64(t.Of), "socket") + " taken over"
	if t.PID != 0 {
		s += " from process " + strconv.Itoa(t.PID) + " (" + t.Version + ")"
	}
	switch {
	case t.Gap > 0:
		s += fmt.Sprintf(", which had ended %.1f s before it", t.Gap)
	case t.PID != 0:
		s += ", which was killed"
	}
	return s
}

// relaying says how many interfaces relay. One that has servers of both families is
// one.
func (r *Report) relaying() string {
	if r.Config.None {
		return `nothing is relayed, by choice (interfaces = "none")`
	}
	states := make(map[string]agent.State) // the first that is not to relay
	for i := range r.Interfaces {
		n := &r.Interfaces[i]
		if was, known := states[n.Name]; !known || was == agent.Relaying {
			states[n.Name] = n.State
		}
	}
	n, waits, standby := 0, 0, ""
	for _, is := range states {
		switch is {
		case agent.Relaying:
			n++
		case agent.Standby:
			waits++
		default:
		}
	}
	if waits > 0 {
		standby = ", " + strconv.Itoa(waits) + " on standby"
	}
	if n == len(states) {
		return plural(uint64(n), "interface") + ", all relaying"
	}
	return strconv.Itoa(n) + " of " + plural(uint64(len(states)), "interface") + " relaying" + standby
}

// uptime says a number of seconds as people do.
func uptime(seconds float64) string {
	d := time.Duration(seconds) * time.Second
	if days := uint64(d / (24 * time.Hour)); days > 0 {
		return plural(days, "day") + " " + plural(uint64(d%(24*time.Hour)/time.Hour), "hour")
	}
	if d >= time.Hour {
		return plural(uint64(d/time.Hour), "hour") + " " + plural(uint64(d%time.Hour/time.Minute), "minute")
	}
	return span(d)
}

func writeFindings(b *strings.Builder, all []Finding) {
	if len(all) == 0 {
		b.WriteString("\nNothing is wrong.\n")
		return
	}
	for _, f := range all {
		fmt.Fprintf(b, "\n%-7s%s\n", strings.ToUpper(string(f.Severity)), f.Subject)
		text.Wrap(b, "       ", f.Text, textWidth)
		text.Wrap(b, "       → ", f.Do, textWidth)
	}
}

// table writes rows in columns, the first of which is their heading.
func table(b *strings.Builder, rows [][]string) {
	b.WriteString("\n")
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(t, strings.Join(r, "\t"))
	}
	_ = t.Flush() // a strings.Builder takes all
}

func (r *Report) writeServers(b *strings.Builder) {
	if len(r.Servers) == 0 {
		return
	}
	rows := [][]string{{"SERVER", "STATE", "SENT", "REPLIES", "UNANSWERED", "REFUSED", "ANSWERED", "P50", "P90", "P99", "LAST REPLY"}}
	for i := range r.Servers {
		s := &r.Servers[i]
		row := []string{ServerName{s.Address, s.VRF}.String(), s.State.words(), number(s.Copies.Recent), number(s.Replies.Recent), number(s.Unanswered.Recent), number(s.Failures.Recent), "-", "-", "-", "-", "-"}
		if s.AnswerRatio != nil {
			row[6] = strconv.FormatFloat(100**s.AnswerRatio, 'f', 0, 64) + " %"
		}
		if p := s.Response; p != nil {
			row[7], row[8], row[9] = duration(p.P50), duration(p.P90), duration(p.P99)
		}
		if t := s.LastReply; t != nil {
			row[10] = clock(*t, r.Time)
		}
		rows = append(rows, row)
	}
	table(b, rows)
	r.writeSegmentation(b)
}

func number(n uint64) string { return strconv.FormatUint(n, 10) }

// duration says a short time in seconds as people write it: "350 µs", "1.2 ms", "1.8 s".
func duration(s float64) string {
	switch {
	case s < 0.001:
		return strconv.FormatFloat(s*1e6, 'f', 0, 64) + " µs"
	case s < 0.01:
		return strconv.FormatFloat(s*1e3, 'f', 1, 64) + " ms"
	case s < 0.9995:
		return strconv.FormatFloat(s*1e3, 'f', 0, 64) + " ms"
	}
	return strconv.FormatFloat(s, 'f', 1, 64) + " s"
}

// words says the state in a table, where its name would say too little.
func (s ServerState) words() string {
	switch s {
	case StateElsewhere:
		return "answered by nobody knows whom"
	case StatePartly:
		return "answers few"
	case StateDropped:
		return "replies dropped here"
	default:
		return s.String()
	}
}

// calm says how the interfaces from the nth on do.
func (r *Report) calm(n int) string {
	troubled := 0
	for i := range r.Interfaces[n:] {
		if r.Interfaces[n+i].Reason != "" {
			troubled++
		}
	}
	if troubled == 0 {
		return "without trouble"
	}
	return strconv.Itoa(troubled) + " of them with trouble"
}

func (r *Report) writeDrops(b *strings.Builder, all bool) {
	rows := [][]string{{"DROPPED AT", "FAMILY", "MESSAGES", "REASON", "RECENT", "TOTAL", "LAST"}}
	more := 0
	for i := range r.Drops {
		d := &r.Drops[i]
		if !all && (d.Recent == 0 || len(rows) > mostRows) {
			more++
			continue
		}
		messages := "requests"
		if d.Direction == dhcp.Replies {
			messages = "replies"
		}
		rows = append(rows, []string{
			d.Interface, d.Family.String(), messages, d.Reason, number(d.Recent), number(d.Count), span(max(0, r.Time.Sub(d.LastSeen))) + " ago",
		})
	}
	switch {
	case len(rows) > 1:
		table(b, rows)
		if more > 0 {
			fmt.Fprintf(b, "and %d more, older ones included; --all lists them\n", more)
		}
	case more > 0:
		fmt.Fprintf(b, "\nNothing was dropped lately; --all lists what was dropped before.\n")
	}
}

// writeLosses writes what the kernel has dropped and refused since the start.
func (r *Report) writeLosses(b *strings.Builder) {
	if len(r.Kernel)+len(r.SendErrors) == 0 {
		return
	}
	rows := [][]string{{"LOST IN THE KERNEL", "RECENT", "TOTAL"}}
	for _, k := range r.Kernel {
		rows = append(rows, []string{"receive buffer full, " + k.Family.String(), number(k.Recent), number(k.Count)})
	}
	for _, e := range r.SendErrors {
		rows = append(rows, []string{"sending to " + e.Towards.String() + "s: " + e.Error, number(e.Recent), number(e.Count)})
	}
	table(b, rows)
}
