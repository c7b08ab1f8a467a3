package scene

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/cmd/lab/ladder"
	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/real"
	"dhcp-relay/deploy/deploytest"
)

// programDir is set by TestMain alone: a directory for the relay's program.
var programDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "scene-test-")
	if err != nil {
		panic(err)
	}
	programDir = dir
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// relayProgram builds the relay with the race detector, once.
func relayProgram(t *testing.T) string {
	t.Helper()
	path := filepath.Join(programDir, "dhcp-relay")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	out, err := exec.Command("go", "build", "-race", "-o", path, "dhcp-relay/cmd/dhcp-relay").CombinedOutput()
	if err != nil {
		t.Fatalf("build the relay: %v\n%s", err, out)
	}
	return path
}

// prefix starts the names of this process's namespaces.
func prefix(s string) string { return fmt.Sprintf("t%d%s-", os.Getpid(), s) }

func TestScenes(t *testing.T) {
	netns.Require(t)
	o := Options{Prefix: prefix(""), Relay: relayProgram(t), Server: Embedded, Client: Embedded}
	var types []string
	exported := deploytest.Inventory{}
	for _, s := range Scenes() {
		t.Run(fmt.Sprintf("%d %s", s.Number, s.Title), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 120*time.Second)
			defer cancel()
			r := s.Play(ctx, o)
			if r.Skipped != "" {
				netns.Skip(t, r.Skipped)
			}
			types = append(types, r.Types()...)
			for _, c := range r.Counters {
				take(exported, c)
			}
			t.Logf("played in %v", r.Took)
			var b strings.Builder
			if len(r.Events) > 0 {
				if err := ladder.Print(&b, r.Nodes, r.Events, false); err != nil {
					t.Error(err)
				}
			}
			if r.Err != nil {
				t.Errorf("%v\n%s", r.Err, b.String())
			}
		})
	}
	slices.Sort(types)
	want := []string{
		"ACK", "ADVERTISE", "BOOTP", "CONFIRM", "DECLINE", "DISCOVER", "INFO-REQUEST", "INFORM", "NAK", "OFFER",
		"REBIND", "RECONFIGURE", "RELEASE", "RENEW", "REPLY", "REQUEST", "SOLICIT",
	}
	if diff := cmp.Diff(want, slices.Compact(types)); diff != "" {
		t.Errorf("types of messages in all scenes (-want +got):\n%s", diff)
	}
	checkDeployed(t, exported)
}

// TestPairs lets each real client get addresses from each real server, on both
// client networks at once.
func TestPairs(t *testing.T) {
	netns.Require(t)
	for _, kind := range real.ServerKinds() {
		if err := real.CheckServer(kind); err != nil {
			netns.Skip(t, err.Error())
		}
	}
	for _, kind := range real.ClientKinds() {
		if err := real.CheckClient(kind); err != nil {
			netns.Skip(t, err.Error())
		}
	}
	relay := relayProgram(t)
	t.Run("pairs", func(t *testing.T) {
		slots := make(chan struct{}, 3)
		for _, srv := range real.ServerKinds() {
			for _, cl := range real.ClientKinds() {
				t.Run(srv+" and "+cl, func(t *testing.T) {
					t.Parallel()
					slots <- struct{}{}
					defer func() { <-slots }()
					ctx, cancel := context.WithTimeout(t.Context(), 180*time.Second)
					defer cancel()
					o := Options{Prefix: prefix(srv + cl), Relay: relay, Server: srv, Client: cl}
					if r := twoNetworks().Play(ctx, o); r.Err != nil {
						var b strings.Builder
						if len(r.Events) > 0 {
							if err := ladder.Print(&b, r.Nodes, r.Events, false); err != nil {
								t.Error(err)
							}
						}
						t.Errorf("%v\n%s", r.Err, b.String())
					}
				})
			}
		}
	})
}
