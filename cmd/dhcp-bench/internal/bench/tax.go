package bench

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"dhcp-relay/cmd/lab/cputime"
	"dhcp-relay/cmd/lab/wire"
	"dhcp-relay/relay/wire/dhcp"
)

// passers returns frames that the relay's host is to forward and that concern
// no relay.
func (s *session) passers(f dhcp.Family) (frameSet, error) {
	to, err := s.bed.relay.MAC(downLink)
	if err != nil {
		return frameSet{}, err
	}
	payload := make([]byte, 64)
	set := frameSet{etype: wire.TypeIPv4, idAt: headers4 + 1, sumAt: etherLen + 26}
	dst := netip.AddrPortFrom(transit().addr(f), 9)
	if f == dhcp.V6 {
		set = frameSet{etype: typeIPv6, idAt: headers6 + 1, sumAt: etherLen + 46}
		src := netip.MustParseAddrPort("[fd67::9999]:9999")
		for i := range batch {
			set.frames = append(set.frames, frame6(clientMAC(i), to, src, dst, payload))
		}
		return set.seal(), nil
	}
	for i := range batch {
		p := wire.Packet{
			EtherSrc: clientMAC(i), EtherDst: to, Payload: payload,
			Src: netip.MustParseAddrPort("10.67.200.1:9999"), Dst: dst,
		}
		set.frames = append(set.frames, p.Frame())
	}
	return set.seal(), nil
}

// forward sends packets through the relay's host and returns what each costs, in
// nanoseconds of the load's core. All of it is done in softirqs of the thread
// that sends, or of the kernel's thread for those of that core.
func (s *session) forward(ctx context.Context, g *generator, total int) (float64, error) {
	before, err := s.bed.forwarded()
	if err != nil {
		return 0, err
	}
	var cpu time.Duration
	err = pinned(func() error {
		began := threadCPU() + cputime.Of(s.cores.softirqd)
		for sent := 0; sent < total; {
			n, err := g.sendNext(0, sent, min(batch, total-sent))
			if err != nil {
				return err
			}
			sent += n
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		cpu = threadCPU() + cputime.Of(s.cores.softirqd) - began
		return nil
	})
	if err != nil {
		return 0, err
	}
	after, err := s.bed.forwarded()
	if err != nil {
		return 0, err
	}
	if got := after - before; got < uint64(total)*99/100 {
		return 0, fmt.Errorf("the host has forwarded %d of %d packets", got, total)
	}
	return float64(cpu) / float64(total), nil
}

// tax measures what a relay's presence costs each packet that its host
// forwards: pairs of runs with the relay and without it, each pair in the other
// order than the one before, so that a drift of the machine's speed cancels.
func (s *session) tax(ctx context.Context, x *subject, f dhcp.Family, round int, row *Row) error {
	set, err := s.passers(f)
	if err != nil {
		return err
	}
	g, err := newGenerator(s.bed.load, set, downLink)
	if err != nil {
		return err
	}
	defer g.close()
	for i := range s.plan.taxPairs {
		var cost [2]float64 // without, with
		for k := range 2 {
			with := (round + i + k) % 2
			if cost[with], err = s.taxed(ctx, g, x, f, with == 1); err != nil {
				return fmt.Errorf("tax: %w", err)
			}
		}
		row.add("tax", 100*(cost[1]/cost[0]-1))
		row.add("tax_ns", cost[1]-cost[0])
		row.add("forward_ns", cost[1])
	}
	return nil
}

// taxed measures once, with the relay or without it. The shorter of two parts
// counts, for a disturbance can only add. More pairs tell more than more parts:
// the machine's speed drifts while the other side is measured.
func (s *session) taxed(ctx context.Context, g *generator, x *subject, f dhcp.Family, with bool) (float64, error) {
	if with {
		p, err := s.start(ctx, x, f, s.downs(0))
		if err != nil {
			return 0, err
		}
		defer func() { _ = p.stop() }() // the namespace ends it at last
	}
	const parts = 2
	best := 0.0
	for range parts {
		ns, err := s.forward(ctx, g, s.plan.taxPackets/parts)
		if err != nil {
			return 0, err
		}
		if best == 0 || ns < best {
			best = ns
		}
	}
	return best, nil
}

// forwarded returns how many packets have left the relay's host towards the
// servers.
func (b *bed) forwarded() (uint64, error) {
	l, err := b.nl.LinkByName(upLink)
	if err != nil {
		return 0, fmt.Errorf("link %s: %w", upLink, err)
	}
	return l.Attrs().Statistics.TxPackets, nil
}
