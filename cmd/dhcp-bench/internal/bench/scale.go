package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/dhcp"
)

// further returns client link number i, from 1 on.
func further(i int) down {
	return down{fmt.Sprintf("c%d", i), pair{
		netip.AddrFrom4([4]byte{10, byte(128 + i>>8), byte(i), 1}),
		netip.AddrFrom16([16]byte{0xfd, 0x67, 2: 1, 6: byte(i >> 8), 7: byte(i), 15: 1}),
	}}
}

// downs returns the first client link and the first n further ones.
func (s *session) downs(n int) []down {
	ds := make([]down, n+1)
	ds[0] = down{downLink, s.bed.down}
	for i := range n {
		ds[i+1] = further(i + 1)
	}
	return ds
}

// addDown makes a client link. It names the link by its index where it can: with
// thousands of links, each list of them takes milliseconds.
func (b *bed) addDown(d down) error {
	if err := netns.Veth(b.load, d.dev, b.relay, d.dev); err != nil {
		return err
	}
	l, err := b.nl.LinkByName(d.dev)
	if err != nil {
		return fmt.Errorf("link %s: %w", d.dev, err)
	}
	for _, p := range []netip.Prefix{netip.PrefixFrom(d.addr.v4, 24), netip.PrefixFrom(d.addr.v6, 64)} {
		a := &netlink.Addr{IPNet: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}}
		if err := b.nl.AddrAdd(l, a); err != nil {
			return fmt.Errorf("address %v on %s: %w", p, d.dev, err)
		}
	}
	return nil
}

// grow makes client links until there are n in all.
func (b *bed) grow(ctx context.Context, n int) error {
	for b.more < n-1 {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := b.addDown(further(b.more + 1)); err != nil {
			return err
		}
		b.more++
	}
	return nil
}

// aloneOn measures what the load can send on n client links if nobody listens:
// with many, the kernel's own way to the relays is long.
func (s *session) aloneOn(ctx context.Context, f dhcp.Family, n int, row *Row) error {
	var devs []string
	for _, d := range s.downs(n - 1) {
		devs = append(devs, d.dev)
	}
	p, err := s.up(f, devs...)
	if err != nil {
		return err
	}
	defer p.gen.close()
	a, err := p.do(ctx, load{total: min(maxSeq, int(1e5*s.plan.step.Seconds()))})
	if err != nil {
		return err
	}
	row.add(fmt.Sprintf("links_%d_rate", n), a.Rate)
	row.atLeast(fmt.Sprintf("links_%d_rate", n))
	return nil
}

// scale measures a relay with n client links, on all of which there are clients.
func (s *session) scale(ctx context.Context, x *subject, f dhcp.Family, n int, row *Row) (err error) {
	ds := s.downs(n - 1)
	p, err := s.start(ctx, x, f, ds)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	key := func(what string) string { return fmt.Sprintf("links_%d_%s", n, what) }
	row.add(key("start"), ms(p.ready))

	devs := make([]string, len(ds))
	for i, d := range ds {
		devs[i] = d.dev
	}
	pump, err := s.up(f, devs...)
	if err != nil {
		return err
	}
	defer pump.gen.close()
	if err := s.warm(ctx, p, s.plan.warm, pump); err != nil {
		return err
	}
	k, err := s.search(ctx, pump, p)
	if err != nil {
		return err
	}
	row.add(key("rate"), k.best.Rate)
	if k.ceiling {
		row.atLeast(key("rate"))
	}
	row.add(key("cpu"), k.flood.PerMessage())
	if err := s.scaledLatency(ctx, pump, p, row, key("")); err != nil {
		return err
	}
	row.add(key("rss"), float64(residentOf(p.proc.Pid()))/1024)
	if !x.later {
		return nil
	}
	return s.arrival(ctx, p, f, func(d time.Duration) { row.add(key("new"), ms(d)) })
}

// scaledLatency measures the latency at a rate that most bear with many links.
func (s *session) scaledLatency(ctx context.Context, p *pump, relay *process, row *Row, prefix string) error {
	stop, err := keepAwake(s.bed.relay, s.cores.relay)
	if err != nil {
		return err
	}
	defer stop()
	return s.latency(ctx, p, relay, 1000, row, prefix)
}

// arrival measures how long after a link has appeared the relay relays what its
// clients send. A relay that does not within patience is none for new links.
func (s *session) arrival(ctx context.Context, p *process, f dhcp.Family, note func(time.Duration)) error {
	const patience = 3 * time.Second
	d := further(s.bed.more + 1)
	if err := s.bed.addDown(d); err != nil {
		return err
	}
	defer func() { _ = s.bed.relay.Delete(d.dev) }() // the bed ends it at last
	began := time.Now()
	if _, _, err := s.firstRelayed(ctx, f, d.dev, d.addr.v4, patience, p.proc.Done()); err != nil {
		return fmt.Errorf("a new link: %w", err)
	}
	note(time.Since(began))
	return nil
}
