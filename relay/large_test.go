package relay_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/bootp"
)

// TestR951_2_RequestsLargerThanTheUplink has clients send more than the uplink takes
// in one frame: without option 82 it goes out in fragments, unless such are to be
// dropped.
func TestR951_2_RequestsLargerThanTheUplink(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, keys string
		size       int
		heard      bool
	}{
		{"option 82 is left out", "", 1470, true},
		{"fragments", "", 1900, true},
		{"fragments where option 82 is off", "dhcpv4.option82 = false\n", 1900, true},
		{"fragments where the limit has left out option 82", "dhcpv4.max_message_size = 1400\n", 1900, true},
		{"dropped", "dhcpv4.oversize = \"drop\"\n", 1900, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			n := b.network("vlan10", "10.1.0.1/24")
			b.relay.Must(b.relay.NL.LinkSetMTU(b.relay.Link("vlan10"), 9000))
			b.clients.Must(b.clients.NL.LinkSetMTU(b.clients.Link("cvlan10"), 9000))
			v := listenAt(b.servers, "10.9.0.2:67")
			d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n" + tc.keys)
			m := discover(1)
			m.options = padding(tc.size - 250)
			m.size = tc.size
			request := m.request()
			n.broadcast(request)
			if !tc.heard {
				d.awaitOutcome("oversize", 1)
				v.silent()
				d.balanced()
				return
			}
			got := v.want().Packet
			copy(request[24:28], []byte{10, 1, 0, 1}) // giaddr
			request[3] = 1                            // hops
			if !bytes.Equal(got, request) {
				t.Errorf("the server has heard %d octets:\n%x\nwant\n%x", len(got), got, request)
			}
			d.awaitOutcome("relayed", 1)
			d.balanced()
		})
	}
}

// TestR951_2_RepliesLargerThanTheClientsLink has the kernel of a client put together
// what a server sent in fragments, too. The MTU changes meanwhile.
func TestR951_2_RepliesLargerThanTheClientsLink(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	b.clients.Addr("cvlan10", "10.1.0.77/24")
	c := b.clients.ListenUDP("udp4", "0.0.0.0:68")
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n")
	m := discover(1)
	copy(m.mac[:], b.clients.Link("cvlan10").Attrs().HardwareAddr)
	n.broadcast(m.request())
	h := v.want()
	buf, relayed := make([]byte, 65536), 1
	for _, mtu := range []int{1500, 576, 1500, 1000} {
		b.relay.Must(b.relay.NL.LinkSetMTU(b.relay.Link("vlan10"), mtu))
		for _, size := range []int{mtu - 28, mtu - 27, 4000} {
			for _, broadcast := range []byte{0, 0x80} {
				m.giaddr, m.yiaddr, m.kind = h.Giaddr(), addrPort("10.1.0.77:68").Addr(), bootp.Offer
				m.options = padding(size - 250)
				m.size = size
				reply := m.octets(bootp.Reply)
				reply[10] = broadcast
				v.send(reply, addrPort("10.1.0.1:67"))
				b.clients.Must(c.SetReadDeadline(time.Now().Add(patient)))
				k, _, err := c.ReadFromUDPAddrPort(buf)
				if err != nil {
					t.Fatalf("MTU %d, %d octets: %v", mtu, size, err)
				}
				if !bytes.Equal(buf[:k], reply) {
					t.Errorf("MTU %d: a reply of %d octets has come as %d", mtu, size, k)
				}
				relayed++
			}
		}
	}
	d.awaitOutcome("relayed", relayed)
	d.balanced()
}

// TestR951_2_LargeReplyWithoutEthernet has the kernel fragment what it brings.
func TestR951_2_LargeReplyWithoutEthernet(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		netns.Need(t, "tun devices", fmt.Errorf("%w: %w", unix.EOPNOTSUPP, err))
	}
	b := newBed(t)
	v := listenAt(b.servers, "10.9.0.2:67")
	tun := b.tun("tun0", "10.5.0.1/24")
	b.start("[[interface]]\nname = \"tun0\"\nservers = [\"10.9.0.2\"]\n")
	if _, err := tun.Write(datagram(nobody, everyone, discover(1).request())); err != nil {
		t.Fatal(err)
	}
	h := v.want()
	m := message{xid: 1, kind: bootp.Offer, giaddr: h.Giaddr(), yiaddr: addrPort("10.5.0.77:68").Addr(), options: padding(1700), size: 2000}
	v.send(m.octets(bootp.Reply), addrPort("10.5.0.1:67"))
	var got []byte
	for buf := make([]byte, 2048); len(got) < 2008; {
		k, err := tun.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		if k < 20 || k > 1500 || buf[9] != 17 || int(binary.BigEndian.Uint16(buf[6:])&0x1fff)*8 != len(got) {
			t.Fatalf("packet %x", buf[:k])
		}
		got = append(got, buf[20:k]...)
	}
	if !bytes.Equal(got[8:], m.octets(bootp.Reply)) {
		t.Errorf("octets differ: %x", got)
	}
}
