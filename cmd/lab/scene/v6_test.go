package scene

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"dhcp-relay/cmd/lab/ladder"
	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/real"
)

// TestR7969_2_ChainsUnwindHopByHop puts a relay of another make at each place of
// a chain of three, and dhcp-relay at all.
func TestR7969_2_ChainsUnwindHopByHop(t *testing.T) {
	netns.Require(t)
	relay := relayProgram(t)
	chains := [][3]string{{}}
	for _, kind := range real.RelayKinds6() {
		if err := real.CheckRelay6(kind); err != nil {
			netns.Skip(t, err.Error())
		}
		for place := range 3 {
			var c [3]string
			c[place] = kind
			chains = append(chains, c)
		}
	}
	slots := make(chan struct{}, 3)
	for i, c := range chains {
		s := chained6(c)
		t.Run(s.Title, func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(t.Context(), 120*time.Second)
			defer cancel()
			o := Options{Prefix: prefix(fmt.Sprintf("c%d", i)), Relay: relay, Server: Embedded, Client: Embedded}
			report(t, s.Play(ctx, o))
		})
	}
}

// report fails the test if the scene has failed, and shows its ladder.
func report(t *testing.T, r Result) {
	t.Helper()
	if r.Err == nil {
		return
	}
	var b strings.Builder
	if len(r.Events) > 0 {
		if err := ladder.Print(&b, r.Nodes, r.Events, false); err != nil {
			t.Error(err)
		}
	}
	t.Errorf("%v\n%s", r.Err, b.String())
}

// TestPairs6 lets each real client get an address from each real server, and a
// delegated prefix where both can, on both client networks at once.
func TestPairs6(t *testing.T) {
	netns.Require(t)
	for _, kind := range real.ServerKinds() {
		if err := real.CheckServer6(kind); err != nil {
			netns.Skip(t, err.Error())
		}
	}
	for _, kind := range real.ClientKinds6() {
		if err := real.CheckClient6(kind); err != nil {
			netns.Skip(t, err.Error())
		}
	}
	relay := relayProgram(t)
	var table pairs
	t.Run("pairs", func(t *testing.T) {
		slots := make(chan struct{}, 3)
		for i, srv := range real.ServerKinds() {
			for j, cl := range real.ClientKinds6() {
				t.Run(srv+" and "+cl, func(t *testing.T) {
					t.Parallel()
					slots <- struct{}{}
					defer func() { <-slots }()
					ctx, cancel := context.WithTimeout(t.Context(), 180*time.Second)
					defer cancel()
					o := Options{Prefix: prefix(fmt.Sprintf("p%d%d", i, j)), Relay: relay, Server: srv, Client: cl}
					report(t, table.scene(srv, cl).Play(ctx, o))
				})
			}
		}
	})
	t.Logf("\n%s", table.String())
}

// A pairs is what came of each pair.
type pairs struct {
	mu    sync.Mutex
	lines []string
}

// scene lets a1 and b1 log in.
func (p *pairs) scene(srv, cl string) Scene {
	return Scene{Title: srv + " and " + cl, Family: IPv6, play: func(ctx context.Context, st *stage) error {
		var wg sync.WaitGroup
		errs := make([]error, 2)
		for i, node := range []string{"a1", "b1"} {
			st.want(node+" SOLICIT relay s1+s2", node+" REQUEST relay s1+s2")
			wg.Go(func() { errs[i] = p.login(ctx, st, srv, cl, node) })
		}
		wg.Wait()
		return errors.Join(errs...)
	}}
}

func (p *pairs) login(ctx context.Context, st *stage, srv, cl, node string) error {
	delegates := real.Delegates(srv)
	start := time.Now()
	addr, prefix, err := st.Login6(ctx, node, delegates)
	if err != nil {
		return err
	}
	took := time.Since(start)
	if _, err := st.bound6(node, addr); err != nil {
		return err
	}
	shown := "the server has none"
	if delegates {
		shown = prefix.String()
		if _, err := st.delegated6(node, prefix); err != nil {
			return err
		}
	}
	p.add(srv, cl, node, addr, shown, took)
	return nil
}

func (p *pairs) add(srv, cl, node string, a netip.Addr, prefix string, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%.1f s", srv, cl, node, a, prefix, took.Seconds()))
}

// String returns the table.
func (p *pairs) String() string {
	slices.Sort(p.lines)
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "server\tclient\tnode\taddress\tprefix\ttime\n%s\n", strings.Join(p.lines, "\n"))
	if err := w.Flush(); err != nil {
		return err.Error()
	}
	return b.String()
}
