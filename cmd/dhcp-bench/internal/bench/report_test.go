package bench

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []float64
		want float64
	}{
		{"none", nil, 0},
		{"one", []float64{7}, 7},
		{"odd", []float64{9, 1, 5}, 5},
		{"even", []float64{4, 1, 100, 2}, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := median(tt.in); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0.00", 1.234: "1.23", 12.34: "12.3", 123.4: "123", 1234.5: "1,234", 1234567: "1,234,567",
		-1234: "-1,234", -123456: "-123,456", -5: "-5.00",
	} {
		if got := number(v); got != want {
			t.Errorf("%v: got %q, want %q", v, got, want)
		}
	}
}

// example is a report of two peers, one of which has failed.
func example() *Report {
	mine, peer, bad, null := &Row{Name: ours}, &Row{Name: "dhcrelay"}, &Row{Name: "dnsmasq"}, &Row{Name: nullName, Yardstick: true}
	for i := range 3 {
		mine.add("req_cpu", 2900+float64(i)*100) // median 3000, spread 200
		mine.add("req_rate", 180_000)
		mine.add("card_req_cpu", 1500)
		peer.add("req_cpu", 10_000)
		peer.add("card_req_cpu", 10_000)
		peer.add("req_rate", 60_000)
		null.add("req_cpu", 2500)
	}
	mine.atLeast("req_rate")
	bad.note("not measured: dnsmasq is not installed")
	return &Report{
		Host: Host{CPU: "a CPU", Cores: 2}, Rounds: 3, Uplinks: uplinks(),
		Tables: []Table{{Family: "v4", Rows: []*Row{mine, peer, bad, null}}},
	}
}

func TestPrint(t *testing.T) {
	var b strings.Builder
	if err := example().Print(&b); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(b.String()), " ")
	for _, want := range []string{
		"virtual: veth as it is",
		"card: veth with tx-udp-segmentation off",
		"virtual uplink, requests: CPU each, under flood, ns 3,000 7% 10,000 0% - 2,500 0% 0.30 (dhcrelay) 1.20",
		"card uplink, requests: CPU each, under flood, ns 1,500 0% 10,000 0% - - 0.15 (dhcrelay)",
		">=180,000 0%",
		"dnsmasq: not measured: dnsmasq is not installed",
		"at most 0.60 0.30 met",
		"at most 0.30 0.15 met",
		"at least 2.50 3.00 met",
		"at most 1.20 1.20 met",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "transactions") {
		t.Errorf("there are lines without values in\n%s", b.String())
	}
}

func TestBars(t *testing.T) {
	r := example()
	r.Tables[0].row("dhcrelay").Values["req_cpu"].Median = 4500
	var got []Bar
	for _, b := range r.Bars() {
		if b.What == "CPU per request under flood, virtual uplink, to the best peer" {
			got = append(got, b)
		}
	}
	want := []Bar{{
		Family: "v4", What: "CPU per request under flood, virtual uplink, to the best peer", Limit: 0.6, Most: true,
		Got: 3000.0 / 4500, Known: true,
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got[0].Met() {
		t.Error("two thirds are taken for less than 0.6")
	}
	r.Tables[0].Rows = []*Row{r.Tables[0].row(ours)}
	for _, b := range r.Bars() {
		if b.Known || b.Met() {
			t.Errorf("with nothing to compare with, %s is met", b.What)
		}
	}
}

func TestSVG(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "plots")
	r := example()
	r.Tables[0].Rows[1].Name = `<&"`
	if err := r.WriteSVG(dir); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.svg"))
	if err != nil || len(names) != 3 {
		t.Fatalf("got %v, %v; want 3 plots", names, err)
	}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		bars := 0
		for d := xml.NewDecoder(strings.NewReader(string(b))); ; {
			tok, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", n, err)
			}
			if e, ok := tok.(xml.StartElement); ok && e.Name.Local == "rect" {
				bars++
			}
		}
		if want := map[string]int{"v4_req_cpu.svg": 3, "v4_req_rate.svg": 2, "v4_card_req_cpu.svg": 2}[filepath.Base(n)]; bars != want {
			t.Errorf("%s has %d bars, want %d", n, bars, want)
		}
	}
}

func TestPlotEnd(t *testing.T) {
	var calm, disturbed Row
	for range 4 {
		calm.add("req_cpu", 100)
		disturbed.add("req_cpu", 80)
	}
	c := chart{m: metric{key: "req_cpu"}, rows: []*Row{&calm, &disturbed}}
	if got := c.most(); got != 100 {
		t.Errorf("calm: got %v, want 100", got)
	}
	disturbed.add("req_cpu", 5000)
	if got := c.most(); got != 150 {
		t.Errorf("disturbed: got %v, want 150", got)
	}
	if s := c.svg(); !strings.Contains(s, `x2="520.0"`) {
		t.Errorf("no line is cut where the room for numbers begins:\n%s", s)
	}
}

func TestTally(t *testing.T) {
	a := newTally(17, 100, true)
	a.sent[5] = 1000
	for _, tt := range []struct {
		name string
		x    id
		want bool
	}{
		{"new", newID(17, 5), true},
		{"again", newID(17, 5), false},
		{"of another run", newID(16, 6), false},
		{"beyond the run", newID(17, 5000), false},
	} {
		if got := a.note(tt.x, 1500); got != tt.want {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
	if a.n != 1 || a.again != 1 || len(a.lat) != 1 || a.lat[0] != 500 {
		t.Errorf("%d messages, %d again, latencies %v; want 1, 1, [500]", a.n, a.again, a.lat)
	}
}

func TestPercentile(t *testing.T) {
	f := flow{}
	if got := f.Percentile(50); got != 0 {
		t.Errorf("of nothing: got %v", got)
	}
	for i := range 100 {
		f.latency = append(f.latency, int64(i))
	}
	if got := [3]float64{f.Percentile(50), f.Percentile(99), f.Percentile(100)}; got != [3]float64{50, 99, 99} {
		t.Errorf("got %v", got)
	}
}
