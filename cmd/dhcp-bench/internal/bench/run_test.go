package bench

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/dhcp"
)

// asNull in the environment makes the test's program play the null relay.
const asNull = "DHCP_BENCH_TEST_NULL"

func TestMain(m *testing.M) {
	if os.Getenv(asNull) == "" {
		os.Exit(m.Run())
	}
	args := map[string]string{}
	for i := 1; i+1 < len(os.Args); i += 2 {
		args[strings.TrimPrefix(os.Args[i], "--")] = os.Args[i+1]
	}
	c := NullConfig{Links: strings.Split(args["link"], ","), Address: netip.MustParseAddr(args["address"]), Server: netip.MustParseAddr(args["server"])}
	if args["family"] == "v6" {
		c.Family = dhcp.V6
	}
	if err := Null(context.Background(), c); err != nil {
		os.Exit(1)
	}
}

// TestQuick measures ours and the null relay, shorter than --quick does.
func TestQuick(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("measures, which takes time and bears no instrumentation")
	}
	netns.Require(t)
	t.Setenv(asNull, "1")
	t.Setenv("TMPDIR", t.TempDir())
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	relay := filepath.Join(t.TempDir(), "dhcp-relay")
	if out, err := exec.Command("go", "build", "-o", relay, "dhcp-relay/cmd/dhcp-relay").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	had := affinity(t, 0)
	short := plan{
		warm: 20 * time.Millisecond, flood: 20 * time.Millisecond,
		step: 20 * time.Millisecond, least: 20, steps: 1, search: time.Minute, after: time.Second,
		slices: 2, rates: []int{1000}, slice: 20 * time.Millisecond, samples: 20, pairs: 2,
		taxPairs: 1, taxPackets: 1000, links: []int{3}, scales: time.Minute,
	}
	r, err := run(t.Context(), Config{
		Relay: relay, Self: []string{self}, Only: []string{ours, oursWatched, nullName}, Rounds: 1, Log: t.Output(),
	}, short)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Tables) != 2 {
		t.Fatalf("%d tables, want one for each family", len(r.Tables))
	}
	for i := range r.Tables {
		tab := &r.Tables[i]
		for _, name := range []string{ours, nullName} {
			row := tab.row(name)
			if row == nil || len(row.Notes) > 0 {
				t.Errorf("DHCP%s, %s: %+v", tab.Family, name, row)
				continue
			}
			for _, key := range []string{"start", "rss_idle", "req_flood", "rep_flood", "txn_flood", "lat_1000_p50", "burst", "card_req_flood", "card_burst", "forward_ns", "links_3_start"} {
				if v, _ := row.value(key); v <= 0 {
					t.Errorf("DHCP%s, %s: %s is %v", tab.Family, name, key, v)
				}
			}
		}
		if v, _ := tab.row(ours).value("links_3_new"); v <= 0 {
			t.Errorf("DHCP%s: a new link relays after %v ms", tab.Family, v)
		}
		for name, keys := range map[string][]string{
			ours:        {"lat_1000_p50", "lat_1000_p99"},
			oursBare:    {"req_cpu", "rep_cpu", "rss_loaded"},
			oursWatched: {"req_cpu", "rep_cpu", "req_cpu_ratio", "req_flood_ratio", "rep_cpu_ratio", "rep_flood_ratio"},
		} {
			for _, key := range keys {
				if s := tab.row(name).Values[key]; s == nil || len(s.Values) != 2 {
					t.Errorf("DHCP%s, %s: %s is %+v, want 2 values", tab.Family, name, key, s)
				}
			}
		}
	}
	nothingLeft(t, had)
	if t.Failed() {
		var b strings.Builder
		if err := r.Print(&b); err != nil {
			t.Fatal(err)
		}
		t.Log(b.String())
	}
}
