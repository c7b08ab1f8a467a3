package clientmac

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

// discover is the head of a BOOTP request in a broadcast frame, which says that it is of
// the client with the hardware address chaddr.
func (c client) discover(op byte, chaddr mac) []byte {
	m := make([]byte, bootp.MinLen)
	m[0], m[1], m[2] = op, 1, 6
	binary.BigEndian.PutUint32(m[4:], c.xid)
	copy(m[28:], chaddr[:])
	d := binary.BigEndian.AppendUint16([]byte{0, 68, 0, 67}, uint16(8+len(m)))
	d = append(append(d, 0, 0), m...) // no checksum
	p := binary.BigEndian.AppendUint16([]byte{0x45, 0}, uint16(20+len(d)))
	p = append(p, 0, 7, 0, 0, 64, 17, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255)
	binary.BigEndian.PutUint16(p[10:], ^sum(p))
	f := append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, c.mac[:]...)
	f = binary.BigEndian.AppendUint16(f, typeIPv4)
	return append(append(f, p...), d...)
}

// Who says that it is another client is known by its own address, and where both have the
// same transaction neither is known.
func TestBOOTP(t *testing.T) {
	for _, kind := range []string{"veth", "bridge"} {
		t.Run(kind, func(t *testing.T) {
			r := newSpace(t)
			w := r.cable("client0")
			if kind == "bridge" {
				r.enslave(w.link, r.add(&netlink.Bridge{LinkAttrs: attrs("br0", 0)}))
			}
			var p *udp.Pair
			r.Do(func() (err error) {
				p, err = udp.Listen(udp.Config{Family: dhcp.V4, Port: dhcp.ServerPort4, RcvBuf: 1 << 20})
				return err
			})
			t.Cleanup(func() { _ = p.Close() })
			s := need(t, filter{log: logSets, reject: []byte{bootp.Reply}, v4: true}).mustAttach(t, p.Requests)
			victim, other, twin := nth(1), nth(2), nth(1)
			twin.mac = nth(3).mac
			w.send(
				victim.discover(bootp.Request, victim.mac),
				other.discover(bootp.Reply, other.mac),
				other.discover(bootp.Request, victim.mac),
				nth(4).discover(bootp.Request, mac{}),
			)
			want := []seen{{victim.mac, true}, {other.mac, true}, {nth(4).mac, true}}
			if diff := cmp.Diff(want, look(t, p.Requests, s, 3)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			w.send(victim.discover(bootp.Request, victim.mac), twin.discover(bootp.Request, victim.mac))
			if diff := cmp.Diff([]seen{{}, {}}, look(t, p.Requests, s, 2)); diff != "" {
				t.Errorf("two with the same chaddr and transaction (-want +got)\n%s", diff)
			}
		})
	}
}
