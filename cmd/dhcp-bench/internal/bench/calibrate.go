package bench

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"dhcp-relay/relay/wire/dhcp"
)

// calibrate measures the load itself: what it can send if nobody listens, and
// what it can send and receive on a link without a relay.
func (s *session) calibrate(ctx context.Context, f dhcp.Family, row *Row) error {
	alone, err := s.up(f, downLink)
	if err != nil {
		return err
	}
	defer alone.gen.close()
	most := load{total: maxSeq, lasts: s.plan.step}
	a, err := alone.do(ctx, most)
	if err != nil {
		return err
	}
	p, err := s.direct(f)
	if err != nil {
		return err
	}
	defer p.gen.close()
	defer p.rx.close()
	d, err := p.do(ctx, most)
	if err != nil {
		return err
	}
	if d.Loss() >= lossless {
		return fmt.Errorf("the load loses %.2f %% of its own messages without a relay", 100*d.Loss())
	}
	row.add("req_alone", a.Rate)
	row.add("req_rate", d.Rate)
	row.atLeast("req_rate")
	row.add("req_flood", d.Goodput)
	row.add("req_loss", 100*d.Loss())
	return s.latencies(ctx, p, nil, d.Rate/2, row)
}

// direct returns a pump from the load to a server on a link without a relay. Its
// messages are made as a relay's are, so that the server takes them.
func (s *session) direct(f dhcp.Family) (*pump, error) {
	to, err := s.bed.sink.MAC(directRx)
	if err != nil {
		return nil, err
	}
	port := serverPort(f)
	b := message4(0, opening)
	src := netip.MustParseAddrPort("10.69.0.1:67")
	if f == dhcp.V6 {
		b = append(make([]byte, relayLen), 0, optRelayed, 0, 0)
		b[0] = relayForw
		m := message6(0, opening)
		b[len(b)-1] = byte(len(m))
		b, src = append(b, m...), netip.MustParseAddrPort("[fd69::1]:547")
	}
	set := frames(f, b, src, netip.AddrPortFrom(s.bed.direct.addr(f), port), net.HardwareAddr{2, 0, 0, 0, 0, 9}, to)
	rx, err := listenServer(s.bed.sink, netip.AddrPortFrom(s.bed.direct.addr(f), port))
	if err != nil {
		return nil, err
	}
	g, err := newGenerator(s.bed.load, set, directTx)
	if err != nil {
		rx.close()
		return nil, err
	}
	return &pump{family: f, gen: g, rx: rx, runs: &s.runs}, nil
}
