package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"dhcp-relay/cmd/lab/ladder"
	"dhcp-relay/cmd/lab/scene"
)

// picture is the network, with the prefix of the namespaces, the servers and
// the clients to fill in.
const picture = `dhcp-relay between two client networks and two servers, each host a network namespace %s*

  a1 a2 a3 a4 ── clients-a 10.1.0.1/24 ──┐         ┌── servers 10.9.0.1/24 ──┬── s1 10.9.0.2
                                         ├─ relay ─┤                         │
           b1 ── clients-b 10.2.0.1/24 ──┘         └─ metrics 127.0.0.1:9867 └── s2 10.9.0.3

  with DHCPv6: clients-a 2001:db8:1::/64, clients-b 2001:db8:2::/64, servers 2001:db8:9::/64;
  the relay is fe80::1 on each; a1 is fe80::a1, b1 fe80::b1; s1 2001:db8:9::2, s2 2001:db8:9::3

servers: %s, clients: %s

`

// staying tells what to look at; it takes the prefix of the namespaces, the relay's
// program and its socket.
const staying = `
A lab stays up until Ctrl-C, a1, a2, a3 and b1 are logged in. Look around in another terminal:

  %[2]s status --socket %[3]s
  %[2]s trace --last 20 --socket %[3]s
  ip netns exec %[1]srelay curl -s http://127.0.0.1:9867/metrics     the relay's counters
  ip netns exec %[1]srelay tcpdump -ni any port 67 or port 547       both sides of the relay
  ip netns exec %[1]sa4 udhcpc -f -n -q -i eth0 -s /bin/true         one more login
  ip netns exec %[1]sa1 ip addr show eth0                            what a client has got
`

// play plays the scenes and shows them. It fails if one of them fails.
func (d *demo) play(ctx context.Context) error {
	fmt.Fprintf(d.out, picture, d.Prefix, d.Server, d.Client)
	start := time.Now()
	var total totals
	for _, s := range scene.Scenes() {
		if !d.plays(&s) {
			continue
		}
		fmt.Fprintf(d.out, "%s\n", d.bold(fmt.Sprintf("Scene %d: %s", s.Number, s.Title)))
		r := s.Play(ctx, d.Options)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := d.show(&r); err != nil {
			return err
		}
		total.add(&r)
	}
	fmt.Fprintf(d.out, "%s\n", total.line(time.Since(start)))
	if total.failed > 0 {
		return errReported
	}
	return nil
}

// show prints one result.
func (d *demo) show(r *scene.Result) error {
	if r.Skipped != "" {
		_, err := fmt.Fprintf(d.out, "skipped: %s\n\n", r.Skipped)
		return err
	}
	if len(r.Events) > 0 {
		if err := ladder.Print(d.out, r.Nodes, r.Events, d.color); err != nil {
			return err
		}
	}
	verdict := d.paint("32", "passed")
	if r.Err != nil {
		verdict = d.paint("31", "FAILED")
	}
	_, err := fmt.Fprintf(d.out, "%s in %.2f s, %d messages\n", verdict, r.Took.Seconds(), len(r.Events))
	if err == nil && r.Err != nil {
		_, err = fmt.Fprintf(d.out, "  %s\n", strings.ReplaceAll(r.Err.Error(), "\n", "\n  "))
	}
	fmt.Fprintln(d.out)
	return err
}

func (d *demo) bold(s string) string { return d.paint("1", s) }

func (d *demo) paint(code, s string) string {
	if !d.color {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// totals add up results.
type totals struct {
	passed, failed, skipped, messages int
	types                             []string
}

func (t *totals) add(r *scene.Result) {
	switch {
	case r.Skipped != "":
		t.skipped++
	case r.Err != nil:
		t.failed++
	default:
		t.passed++
	}
	t.messages += len(r.Events)
	t.types = append(t.types, r.Types()...)
}

func (t *totals) line(took time.Duration) string {
	slices.Sort(t.types)
	t.types = slices.Compact(t.types)
	return fmt.Sprintf("%d scenes passed, %d failed, %d skipped, %d messages in %.1f s: %s",
		t.passed, t.failed, t.skipped, t.messages, took.Seconds(), strings.Join(t.types, ", "))
}
