//go:build !small

package metrics

import (
	"cmp"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/observe/health"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/icmp"
)

// A gatherer adds what the atomics hold to what the registry gathers. It is no
// prometheus.Collector: the channel, checks and sorting of a registry cost four times
// as much. The checks are not missed, since the names and labels are those of Docs.
type gatherer struct {
	m    *Metrics
	docs []MetricDoc

	build      []*dto.LabelPair
	directions [dhcp.Directions]*dto.LabelPair
	families   [dhcp.Families]*dto.LabelPair
	outcomes   [agent.NumReasons]*dto.LabelPair
	states     [agent.NumStates]*dto.LabelPair
	health     []*dto.LabelPair                // by health.State
	types      [dhcp.Families][]*dto.LabelPair // by slot of count.Tally

	byName [agent.NumReasons]agent.Reason // in the order of their labels
}

var _ prometheus.Gatherer = (*gatherer)(nil)

func newGatherer(m *Metrics, version, goversion, revision string) *gatherer {
	g := &gatherer{
		m:    m,
		docs: Docs(),
		build: []*dto.LabelPair{
			pair("goversion", text(goversion)), pair("revision", text(revision)), pair("version", text(version)),
		},
	}
	for d := range g.directions {
		g.directions[d] = pair("direction", dhcp.Direction(d).String())
	}
	for f := range g.families {
		g.families[f] = pair("family", dhcp.Family(f).String())
		for _, name := range m.counts.TypeNames(dhcp.Family(f)) {
			g.types[f] = append(g.types[f], pair("type", name))
		}
	}
	for i := range g.states {
		g.states[i] = pair("state", agent.State(i).String())
	}
	for _, d := range health.States() {
		g.health = append(g.health, pair("state", d.Name))
	}
	for r := range g.outcomes {
		g.outcomes[r] = pair("outcome", agent.Reason(r).String())
		g.byName[r] = agent.Reason(r)
	}
	slices.SortFunc(g.byName[:], func(a, b agent.Reason) int { return cmp.Compare(a.String(), b.String()) })
	return g
}

// Gather implements prometheus.Gatherer: families are sorted by name.
func (g *gatherer) Gather() ([]*dto.MetricFamily, error) {
	list, err := g.m.registry.Gather()
	s := newScrape(g)
	s.all()
	for _, f := range s.families {
		if len(f.Metric) > 0 {
			list = append(list, f)
		}
	}
	slices.SortFunc(list, func(a, b *dto.MetricFamily) int { return cmp.Compare(a.GetName(), b.GetName()) })
	return list, err
}

// stream passes everything to out, in parts: a family with many series comes
// in several calls, one after the other, and out must not keep it. So a scrape of
// thousands of links takes little memory.
func (g *gatherer) stream(out func(*dto.MetricFamily)) error {
	list, err := g.m.registry.Gather()
	for _, f := range list {
		out(f)
	}
	s := newScrape(g)
	s.out = out
	s.all()
	s.flush()
	return err
}

// part is the number of series that stream passes on at once.
const part = 256

// A scrape is one reading of everything, family by family.
type scrape struct {
	g        *gatherer
	families [numSeries]*dto.MetricFamily
	out      func(*dto.MetricFamily) // nil: families are kept whole
	last     *dto.MetricFamily       // what add was last called for
}

func newScrape(g *gatherer) *scrape {
	s := &scrape{g: g}
	for i := range g.docs {
		d := &g.docs[i]
		f := &dto.MetricFamily{Name: &d.Name, Help: &d.Help, Type: dto.MetricType_GAUGE.Enum()}
		switch d.Type {
		case "counter":
			f.Type = dto.MetricType_COUNTER.Enum()
		case "histogram":
			f.Type = dto.MetricType_HISTOGRAM.Enum()
		}
		s.families[i] = f
	}
	return s
}

// all reads everything. Outcomes are read before what was received, so that no
// scrape shows more outcomes than messages.
func (s *scrape) all() {
	c := s.g.m.counts
	all, former := c.Links()
	links := make([]link, len(all))
	for i, l := range all {
		links[i] = link{l, pair("interface", l.Name())}
	}
	s.messages(links)
	for f, label := range s.g.families {
		s.add(retired, float64(former[f]), label)
	}
	for f, label := range s.g.families {
		s.add(received, float64(c.Received(dhcp.Family(f)).Value()), label)
	}
	for f, label := range s.g.families {
		if n, known := c.SocketDrops(dhcp.Family(f)); known {
			s.add(socketDrops, float64(n), label)
		}
	}
	s.servers(c.Servers())
	var st *State
	if read := s.g.m.state.Load(); read != nil {
		now := (*read)()
		st = &now
	}
	s.linkCounters(links, served(st))
	for _, e := range c.SendErrors() {
		s.add(sendErrors, float64(e.Count), pair("error", e.Error.String()), pair("towards", e.Towards.String()))
	}
	s.add(buildInfo, 1, s.g.build...)
	if st != nil {
		s.state(*st)
	}
}

// A servedLink is an interface in a family that it has servers of.
type servedLink struct {
	name   string
	family dhcp.Family
}

// served returns those that are configured and there.
func served(st *State) map[servedLink]struct{} {
	if st == nil {
		return nil
	}
	all := make(map[servedLink]struct{}, len(st.Links))
	for i := range st.Links {
		if l := &st.Links[i]; l.State != agent.Missing {
			all[servedLink{text(l.Name), l.Family}] = struct{}{}
		}
	}
	return all
}

// A link is one in a scrape, with its label.
type link struct {
	*count.Link
	label *dto.LabelPair
}

// messages adds what was counted on the links, sorted by label, so that the
// exposition is easy to read and compresses well.
func (s *scrape) messages(links []link) {
	for d := range dhcp.Directions {
		for f := range dhcp.Families {
			for _, l := range links {
				s.link(l, dhcp.Family(f), dhcp.Direction(d))
			}
		}
	}
}

// link adds the counts that are not zero of one link, family and direction.
func (s *scrape) link(l link, f dhcp.Family, d dhcp.Direction) {
	for _, r := range s.g.byName {
		t := l.Tally(f, d, r)
		if t == nil {
			continue
		}
		for slot := range t {
			if n := t[slot].Load(); n > 0 {
				s.add(messages, float64(n), s.g.directions[d], s.g.families[f], l.label, s.g.outcomes[r], s.g.types[f][slot])
			}
		}
	}
}

// servers adds what was counted of the servers.
func (s *scrape) servers(all []*count.Server) {
	labels := make([][]*dto.LabelPair, len(all))
	for i, v := range all {
		labels[i] = []*dto.LabelPair{pair("server", v.Addr.String()), pair("vrf", v.VRF)}
	}
	for _, c := range []struct {
		series series
		of     func(*count.Server) *count.Counter
	}{
		{serverCopies, func(v *count.Server) *count.Counter { return &v.Copies }},
		{serverFailures, func(v *count.Server) *count.Counter { return &v.Failures }},
		{serverReplies, func(v *count.Server) *count.Counter { return &v.Replies }},
		{serverUnanswered, func(v *count.Server) *count.Counter { return &v.NoReply }},
		{serverWithheld, func(v *count.Server) *count.Counter { return &v.Withheld }},
	} {
		for i, v := range all {
			s.add(c.series, float64(c.of(v).Value()), labels[i]...)
		}
	}
	for i, v := range all {
		for k := range v.ICMP {
			s.some(serverICMP, v.ICMP[k].Value(), pair("kind", icmp.Kind(k).String()), labels[i][0], labels[i][1])
		}
	}
	for i, v := range all {
		s.histogram(serverResponse, exposed(&v.Response), labels[i]...)
	}
	for i, v := range all {
		for state, label := range s.g.health {
			s.add(serverState, truth(v.Health.State() == health.State(state)), labels[i][0], label, labels[i][1])
		}
	}
	for i, v := range all {
		if t := v.Health.Read().LastReply; !t.IsZero() {
			s.add(serverLastReply, seconds(t), labels[i]...)
		}
	}
	for _, c := range s.g.m.counts.Classes() {
		for f, label := range s.g.families {
			s.add(classMessages, float64(c.Requests[f].Value()), pair("class", c.Name), label)
		}
	}
	for _, v := range s.g.m.counts.Groups() {
		s.add(serverActive, truth(v.Active), pair("group", text(v.Group)), pair("server", v.Server.Addr.String()), pair("vrf", v.Server.VRF))
	}
}

// linkCounters adds what else is counted on the links, where it is not zero or to be
// shown from the start.
func (s *scrape) linkCounters(links []link, served map[servedLink]struct{}) {
	for c := range count.LinkCounter(count.NumLinkCounters) {
		if c.Doc().Family {
			for f, family := range s.g.families {
				for _, l := range links {
					n, shown := l.Value(c, dhcp.Family(f)), false
					if c.Doc().Start {
						_, shown = served[servedLink{l.Name(), dhcp.Family(f)}]
					}
					if n > 0 || shown {
						s.add(linkCounters+series(c), float64(n), family, l.label)
					}
				}
			}
			continue
		}
		for _, l := range links {
			s.some(linkCounters+series(c), l.Value(c, dhcp.V4)+l.Value(c, dhcp.V6), l.label)
		}
	}
}

// some adds a series that is not zero.
func (s *scrape) some(i series, n uint64, labels ...*dto.LabelPair) {
	if n > 0 {
		s.add(i, float64(n), labels...)
	}
}

// state adds what the engine knows.
func (s *scrape) state(st State) {
	s.add(reloadSuccessful, truth(st.ConfigOK))
	s.add(configDiffers, truth(st.Differs))
	s.add(configUnloadable, truth(st.Unloadable))
	s.add(reloadTime, seconds(st.ConfigTime))
	s.add(reloads, float64(st.Reloads), pair("result", "success"))
	s.add(reloads, float64(st.Refused), pair("result", "failure"))
	for f, label := range s.g.families {
		s.add(transactionsOpen, float64(st.Open[f]), label)
	}
	for f, label := range s.g.families {
		s.add(transactionsEvicted, float64(st.Evicted[f]), label)
	}
	s.add(recorderMissed, float64(st.Unseen))
	s.add(listening, float64(st.Opened), pair("origin", "opened"))
	s.add(listening, float64(st.TakenOver), pair("origin", "taken_over"))
	s.add(confined, truth(st.Landlock), pair("by", "landlock"))
	s.add(confined, truth(st.NoNewPrivs), pair("by", "no_new_privileges"))
	s.add(confined, truth(st.Seccomp), pair("by", "seccomp"))
	s.add(interfacesStale, truth(st.Stale))
	s.add(interfacesResyncs, float64(st.Resyncs))
	if st.ConfigHash != "" {
		s.add(configInfo, 1, pair("hash", text(st.ConfigHash)))
		s.add(configInterfaces, float64(st.Interfaces))
	}
	for _, l := range st.Listeners {
		s.add(listenerUp, truth(l.Up), pair("listener", l.Name))
	}
	for _, l := range st.Listeners {
		for _, r := range l.Refused {
			s.add(httpRefused, float64(r.Count), pair("listener", l.Name), pair("reason", r.Reason))
		}
	}
	s.probes(st.Probes)
	s.names(st.Names, st.Servers)
	names := make([]*dto.LabelPair, len(st.Links))
	for i, l := range st.Links {
		names[i] = pair("interface", text(l.Name))
		for state, label := range s.g.states {
			s.add(interfaceState, truth(l.State == agent.State(state)), s.g.families[l.Family], names[i], label)
		}
	}
	for i, l := range st.Links {
		s.add(interfaceServers, float64(l.Servers), s.g.families[l.Family], names[i])
	}
	for i, l := range st.Links {
		if l.Address != "" && l.Family == dhcp.V4 {
			s.add(giaddrInfo, 1, pair("giaddr", text(l.Address)), names[i])
		}
	}
	for i, l := range st.Links {
		if l.Address != "" && l.Family == dhcp.V6 {
			s.add(linkAddressInfo, 1, names[i], pair("link_address", text(l.Address)))
		}
	}
}

// probes adds what came of the latest probes, sorted by label.
func (s *scrape) probes(all []ProbeState) {
	slices.SortFunc(all, func(a, b ProbeState) int {
		return cmp.Or(cmp.Compare(a.Interface, b.Interface), cmp.Compare(a.Server, b.Server), cmp.Compare(a.VRF, b.VRF))
	})
	labels := func(p *ProbeState) []*dto.LabelPair {
		return []*dto.LabelPair{pair("interface", text(p.Interface)), pair("server", p.Server), pair("vrf", text(p.VRF))}
	}
	for i := range all {
		s.add(probeSuccess, truth(all[i].Success), labels(&all[i])...)
	}
	for i := range all {
		if all[i].Duration > 0 {
			s.add(probeDuration, all[i].Duration, labels(&all[i])...)
		}
	}
}

// names tells what servers are called, and which DNS names are known.
func (s *scrape) names(names []NameState, servers []ServerInfo) {
	seen := make(map[ServerInfo]bool, len(servers))
	for _, v := range servers {
		if key := (ServerInfo{Server: v.Server, VRF: v.VRF}); !seen[key] {
			seen[key] = true
			s.add(serverInfo, 1, pair("dns_name", text(v.Host)), pair("name", text(v.Name)), pair("server", v.Server), pair("vrf", text(v.VRF)))
		}
	}
	for i := range names {
		s.add(nameAddresses, float64(names[i].Addresses), pair("name", text(names[i].Name)))
	}
	for i := range names {
		s.add(nameFailing, truth(names[i].Failing), pair("name", text(names[i].Name)))
	}
}

// The parts of a series, in one allocation.
type (
	counterParts struct {
		metric  dto.Metric
		counter dto.Counter
		value   float64
		labels  [5]*dto.LabelPair
	}
	gaugeParts struct {
		metric dto.Metric
		gauge  dto.Gauge
		value  float64
		labels [3]*dto.LabelPair
	}
)

// add adds one series; the labels are in the order of Docs.
func (s *scrape) add(i series, value float64, labels ...*dto.LabelPair) {
	f := s.families[i]
	if s.out != nil && (f != s.last || len(f.Metric) == part) {
		s.flush()
		s.last = f
	}
	m := next(f)
	m.Label = append(m.Label[:0], labels...)
	if m.Counter != nil {
		*m.Counter.Value = value
		return
	}
	*m.Gauge.Value = value
}

// histogram adds one series of a histogram. Servers are few, so that it may
// allocate.
func (s *scrape) histogram(i series, h *dto.Histogram, labels ...*dto.LabelPair) {
	f := s.families[i]
	if s.out != nil && (f != s.last || len(f.Metric) == part) {
		s.flush()
		s.last = f
	}
	f.Metric = append(f.Metric, &dto.Metric{Label: labels, Histogram: h})
}

// exposed returns a histogram as Prometheus has it.
func exposed(h *count.Histogram) *dto.Histogram {
	buckets, sum := h.Read()
	out := &dto.Histogram{SampleSum: new(sum.Seconds()), SampleCount: new(uint64)}
	for i, n := range buckets {
		*out.SampleCount += n
		if bounds := count.Bounds(); i < len(bounds) {
			out.Bucket = append(out.Bucket, &dto.Bucket{
				UpperBound: new(bounds[i].Seconds()), CumulativeCount: new(*out.SampleCount),
			})
		}
	}
	return out
}

// flush passes on what has been added since the last time.
func (s *scrape) flush() {
	if s.last != nil && len(s.last.Metric) > 0 {
		s.out(s.last)
		s.last.Metric = s.last.Metric[:0]
	}
}

// next extends f by a series, one that was passed on before if there is one.
func next(f *dto.MetricFamily) *dto.Metric {
	n := len(f.Metric)
	if n < cap(f.Metric) {
		if m := f.Metric[:n+1][n]; m != nil {
			f.Metric = f.Metric[:n+1]
			return m
		}
	}
	m := newMetric(f.GetType())
	f.Metric = append(f.Metric, m)
	return m
}

// newMetric returns a series with room for its value and labels.
func newMetric(t dto.MetricType) *dto.Metric {
	if t == dto.MetricType_COUNTER {
		p := new(counterParts)
		p.counter.Value = &p.value
		p.metric.Counter = &p.counter
		p.metric.Label = p.labels[:0]
		return &p.metric
	}
	p := new(gaugeParts)
	p.gauge.Value = &p.value
	p.metric.Gauge = &p.gauge
	p.metric.Label = p.labels[:0]
	return &p.metric
}

// truth returns the value of a gauge that says yes or no.
func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// seconds returns t as Prometheus counts time, and 0 for the zero time.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1e3
}
