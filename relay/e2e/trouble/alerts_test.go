package trouble

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v2"
)

// What Prometheus makes of a fault is known without waiting for it: the relay's metrics
// are read all the time, and laid out on an axis of time that begins with good history,
// goes through the fault as it was, goes on with it as it was last, and so with the
// repair.
const (
	scrapeEvery = 5 * time.Second
	goodBefore  = 70 * time.Minute
	faultGoesOn = 3 * time.Minute
	goodAfter   = 13 * time.Minute // longer than the window of any rule
)

const rulesFile = "../../../deploy/prometheus/dhcp-relay.rules.yml"

// A scraper reads the metrics of a relay all the time.
type scraper struct {
	page string
	only map[string]bool // names of families that rules ask for

	mu       sync.Mutex
	counters map[string]bool // series that never fall
	samples  []map[string]float64
	struck   int // how many samples there were then
	mended   int

	stop context.CancelFunc
	wg   sync.WaitGroup
}

// scrape reads the metrics of a relay until the test ends.
func (b *old) scrape() *scraper {
	b.t.Helper()
	rules, err := os.ReadFile(rulesFile)
	b.must(err)
	s := &scraper{page: b.page, only: make(map[string]bool), counters: make(map[string]bool)}
	for _, name := range regexp.MustCompile(`\b(dhcp_relay|process)_\w+`).FindAllString(string(rules), -1) {
		s.only[name] = true
	}
	ctx, stop := context.WithCancel(b.ctx)
	s.stop = stop
	b.t.Cleanup(s.end)
	s.wg.Go(func() {
		tick := time.NewTicker(scrapeEvery)
		defer tick.Stop()
		for {
			s.read(ctx)
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	return s
}

func (s *scraper) end() { s.stop(); s.wg.Wait() }

// alerted reports whether what Prometheus makes of a fault is looked at: it takes seconds
// of a processor.
func (*fault) alerted() bool {
	_, err := exec.LookPath("promtool")
	return err == nil && os.Getenv(allFaults) == "all"
}

// sampled waits for so many samples more.
func (b *old) sampled(n int) {
	b.t.Helper()
	want, end := b.scraper.mark()+n, time.Now().Add(time.Duration(n)*scrapeEvery+patience)
	for b.scraper.mark() < want {
		if time.Now().After(end) {
			b.t.Fatal("the metrics cannot be read")
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// mark returns how many samples there are.
func (s *scraper) mark() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.samples)
}

// read notes a sample: of a relay that does not answer, that it is not up.
func (s *scraper) read(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, scrapeEvery)
	defer cancel()
	values := map[string]float64{`up{job="dhcp-relay",instance="r"}`: 0}
	counters := make(map[string]bool)
	if all, err := s.families(ctx); err == nil {
		values[`up{job="dhcp-relay",instance="r"}`] = 1
		for name, f := range all {
			for _, m := range f.Metric {
				s.add(name, m, values, counters)
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.counters, counters)
	s.samples = append(s.samples, values)
}

func (s *scraper) families(ctx context.Context) (map[string]*dto.MetricFamily, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.page+"metrics", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	p := expfmt.NewTextParser(model.UTF8Validation)
	return p.TextToMetricFamilies(resp.Body)
}

// add adds the series of one metric.
func (s *scraper) add(name string, m *dto.Metric, values map[string]float64, counters map[string]bool) {
	put := func(name, more string, v float64, counter bool) {
		if !s.only[name] {
			return
		}
		var b strings.Builder
		fmt.Fprintf(&b, `%s{job="dhcp-relay",instance="r"`, name)
		for _, l := range m.Label {
			fmt.Fprintf(&b, ",%s=%s", l.GetName(), strconv.QuoteToASCII(l.GetValue()))
		}
		key := b.String() + more + "}"
		values[key] = v
		if counter {
			counters[key] = true
		}
	}
	switch {
	case m.Counter != nil:
		put(name, "", m.Counter.GetValue(), true)
	case m.Gauge != nil:
		put(name, "", m.Gauge.GetValue(), false)
	case m.Histogram != nil:
		put(name+"_count", "", float64(m.Histogram.GetSampleCount()), true)
		put(name+"_sum", "", m.Histogram.GetSampleSum(), true)
		for _, b := range m.Histogram.Bucket {
			put(name+"_bucket", fmt.Sprintf(",le=%q", strconv.FormatFloat(b.GetUpperBound(), 'g', -1, 64)), float64(b.GetCumulativeCount()), true)
		}
	}
}

func steps(d time.Duration) int { return int(d / scrapeEvery) }

// series lays a series out, as promtool reads it.
func (s *scraper) series(key string) string {
	counter := s.counters[key]
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	at := func(i int) (float64, bool) { v, ok := s.samples[i][key]; return v, ok }
	// A counter has risen evenly.
	if v, ok := at(0); !ok {
		add("_x%d", steps(goodBefore))
	} else if rise := v / float64(steps(goodBefore)); counter {
		add("0+%gx%d", rise, steps(goodBefore)-1)
	} else {
		add("%gx%d", v, steps(goodBefore)-1)
	}
	more := 0.0 // that a counter has risen by in what was added
	real := func(from, to int) {
		for i := from; i < to; i++ {
			if v, ok := at(i); ok {
				add("%g", v+more)
			} else {
				add("_")
			}
		}
	}
	goOn := func(from, to int, d time.Duration) {
		v, ok := at(to - 1)
		switch before, was := at(max(from, to-5)); {
		case !ok:
			add("_x%d", steps(d))
		case counter && was && to-1 > from:
			rise := max(0, (v-before)/float64(to-1-max(from, to-5)))
			add("%g+%gx%d", v+more+rise, rise, steps(d)-1)
			more += rise * float64(steps(d))
		default:
			add("%gx%d", v+more, steps(d)-1)
		}
	}
	real(0, s.mended)
	goOn(s.struck, s.mended, faultGoesOn)
	real(s.mended, len(s.samples))
	goOn(s.mended, len(s.samples), goodAfter)
	return strings.Join(out, " ")
}

// An alarm is what there is of alerts at one moment: "pending X", "firing X".
type alarm []string

// named returns the alerts that are pending or firing, firing those that fire.
func (a alarm) named() (all []string) {
	for _, s := range a {
		_, name, _ := strings.Cut(s, " ")
		all = append(all, name)
	}
	return all
}

func (a alarm) firing() (all []string) {
	for _, s := range a {
		if name, is := strings.CutPrefix(s, "firing "); is {
			all = append(all, name)
		}
	}
	return all
}

// String lists them.
func (a alarm) String() string {
	if len(a) == 0 {
		return "none"
	}
	return strings.Join(a, ", ")
}

// alerts evaluates the rules: what there is before the fault, a minute and three minutes
// after it, and a minute after the repair and when the last window of a rule is over.
func (s *scraper) alerts(t *testing.T) (before, minute, later, mended, over alarm) {
	t.Helper()
	s.end()
	begin := goodBefore + time.Duration(s.struck)*scrapeEvery
	end := goodBefore + time.Duration(s.mended)*scrapeEvery + faultGoesOn
	last := end + time.Duration(len(s.samples)-s.mended)*scrapeEvery + goodAfter - scrapeEvery
	moments := []time.Duration{begin - scrapeEvery, begin + within, begin + faultGoesOn, end + within + 15*time.Second, last}
	type row = map[string]any
	var input, exprs []row
	keys := make(map[string]bool)
	for _, v := range s.samples {
		for k := range v {
			keys[k] = true
		}
	}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		input = append(input, row{"series": k, "values": s.series(k)})
	}
	for _, at := range moments {
		// There are none, it says: what there is it tells.
		exprs = append(exprs, row{"expr": "ALERTS", "eval_time": at.String()})
	}
	rules, err := filepath.Abs(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	b, err := yaml.Marshal(row{
		"rule_files": []string{rules}, "evaluation_interval": "15s",
		"group_eval_order": []string{"dhcp-relay-records", "dhcp-relay-service", "dhcp-relay-interfaces", "dhcp-relay-fleet", "dhcp-relay-servers", "dhcp-relay-drops"},
		"tests":            []row{{"interval": scrapeEvery.String(), "input_series": input, "promql_expr_test": exprs}},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "alerts.yml")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "promtool", "test", "rules", file).CombinedOutput()
	if err != nil && !strings.Contains(string(out), `expr: "ALERTS"`) {
		t.Fatalf("promtool: %v\n%s", err, out)
	}
	said := make(map[time.Duration]alarm)
	parts := strings.Split(string(out), `expr: "ALERTS", time: `)
	for _, p := range parts[1:] {
		when, rest, _ := strings.Cut(p, ",")
		at, err := model.ParseDuration(when)
		if err != nil {
			t.Fatalf("promtool: %v in\n%s", err, out)
		}
		for _, m := range regexp.MustCompile(`\{[^}]*alertname="(\w+)"[^}]*alertstate="(\w+)"`).FindAllStringSubmatch(rest, -1) {
			if a := m[2] + " " + m[1]; !slices.Contains(said[time.Duration(at)], a) {
				said[time.Duration(at)] = append(said[time.Duration(at)], a)
			}
		}
	}
	found := func(i int) alarm { return said[moments[i]] }
	return found(0), found(1), found(2), found(3), found(4)
}

// counted lists the alerts that a drop or two are enough for: they last for the ten
// minutes of their rule's window. What others tell is a state, which is over at once.
func counted() []string {
	return []string{"DHCPRelayAmbiguousReply", "DHCPRelayLate", "DHCPRelayLoop", "DHCPRelayMalformed", "DHCPRelayRogueServer", "DHCPRelayUntrusted"}
}

// alarms holds what Prometheus says of a fault to what it is to say, and returns the
// table's row.
func (f *fault) alarms(b *old) string {
	b.t.Helper()
	before, minute, later, mended, over := b.scraper.alerts(b.t)
	if len(before) > 0 {
		b.t.Errorf("%s: before it there are alerts: %q", f.name, before)
	}
	for _, name := range f.alerts {
		if !slices.Contains(minute.named(), name) {
			b.t.Errorf("%s: after a minute %s is neither pending nor firing: %q", f.name, name, minute)
		}
		if !slices.Contains(later, "firing "+name) {
			b.t.Errorf("%s: after three minutes %s does not fire: %q", f.name, name, later)
		}
	}
	for _, name := range f.slow {
		if !slices.Contains(later.named(), name) {
			b.t.Errorf("%s: after three minutes %s is neither pending nor firing: %q", f.name, name, later)
		}
	}
	for _, name := range later.firing() {
		if !slices.Contains(f.alerts, name) {
			b.t.Errorf("%s: after three minutes %s fires", f.name, name)
		}
	}
	for _, name := range mended.firing() {
		if !slices.Contains(counted(), name) {
			b.t.Errorf("%s: a minute after the repair %s fires still", f.name, name)
		}
	}
	// To go on evenly by what was seen last does not keep sums equal.
	over = slices.DeleteFunc(over, func(a string) bool { return a == "pending DHCPRelayMessagesUnaccounted" })
	if len(over) > 0 {
		b.t.Errorf("%s: long after the repair there is %q", f.name, over)
	}
	return fmt.Sprintf("  alert   after 60 s: %s; after 3 min: %s; mended: %s; later: %s\n", minute, later, mended, over)
}
