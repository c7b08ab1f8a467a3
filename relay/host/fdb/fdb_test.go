package fdb

import (
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/giaddr"
)

// A bed is a bridge with ports, and who sends to each.
type bed struct {
	*netns.Space
	bridge int
	ports  []string
	wires  map[string]int // packet sockets at the other ends
}

func newBed(t testing.TB, ports ...string) *bed {
	t.Helper()
	b := &bed{Space: netns.NewSpace(t), ports: ports, wires: make(map[string]int)}
	b.Add(&netlink.Bridge{LinkAttrs: netns.Attrs("br0")})
	b.bridge = b.Up("br0")
	for _, port := range ports {
		far := netns.NewSpace(t)
		b.Veth(port, far, "eth0")
		b.Must(b.NS().Master(port, "br0"))
		index := far.Index("eth0")
		far.Do(func() (err error) {
			b.wires[port], err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			return unix.Bind(b.wires[port], &unix.SockaddrLinklayer{Ifindex: index})
		})
		t.Cleanup(func() { _ = unix.Close(b.wires[port]) })
	}
	b.await("the ports forward", func() bool {
		for _, port := range ports {
			b.send(port, mac(0xee))
			if b.known(mac(0xee)) != b.Index(port) {
				return false
			}
		}
		return true
	})
	return b
}

func (b *bed) await(what string, f func() bool) {
	b.T.Helper()
	for end := time.Now().Add(30 * time.Second); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			b.T.Fatal("not in time: " + what)
		}
	}
}

// known returns the port of a station as a table says that knows nothing yet.
func (b *bed) known(m [6]byte) int {
	t := b.open()
	defer func() { b.Must(t.Close()) }()
	return t.Port(b.station(m))
}

func (b *bed) open() (t *Table) {
	b.T.Helper()
	b.Do(func() (err error) {
		t, err = Open()
		return err
	})
	return t
}

func (b *bed) station(m [6]byte) Station {
	return Station{giaddr.FDB{Bridge: int32(b.bridge)}, m}
}

func mac(n byte) [6]byte { return [6]byte{2, 0, 0, 0, 0, n} }

// send sends a frame of a station to a port. It has gone all the way when send returns.
func (b *bed) send(port string, m [6]byte) {
	b.T.Helper()
	frame := append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, m[:]...)
	frame = append(frame, 0x88, 0xb5) // local experimental
	_, err := unix.Write(b.wires[port], append(frame, make([]byte, 46)...))
	b.Must(err)
}

// want looks for a station after what the bridge has told.
func (b *bed) want(t *Table, m [6]byte, port string) {
	b.T.Helper()
	index := 0
	if port != "" {
		index = b.Index(port)
	}
	b.await("port "+port, func() bool {
		t.Follow()
		return t.Port(b.station(m)) == index
	})
}

func TestPortOfStations(t *testing.T) {
	b := newBed(t, "p0", "p1", "p2")
	b.send("p0", mac(1))
	b.await("the bridge knows it", func() bool { return b.known(mac(1)) == b.Index("p0") })
	table := b.open()
	defer func() { b.Must(table.Close()) }()
	b.want(table, mac(1), "p0")
	b.want(table, mac(2), "") // nobody yet
	b.send("p1", mac(2))
	b.want(table, mac(2), "p1")
	b.send("p2", mac(1)) // has moved
	b.want(table, mac(1), "p2")
	b.want(table, mac(2), "p1")
	own, err := b.NS().MAC("br0")
	b.Must(err)
	b.want(table, [6]byte(own), "")
	b.Must(b.NS().Down("p2")) // who is behind it is forgotten
	b.want(table, mac(1), "")
	if n := table.Port(Station{giaddr.FDB{Bridge: int32(b.Index("p0"))}, mac(2)}); n != 0 {
		t.Errorf("behind what is no bridge: port %d", n)
	}
}

// What is lost of the news, and what exceeds the room, is asked for again.
func TestLostNews(t *testing.T) {
	b := newBed(t, "p0", "p1")
	table := b.open()
	defer func() { b.Must(table.Close()) }()
	b.Must(unix.SetsockoptInt(table.news, unix.SOL_SOCKET, unix.SO_RCVBUF, 1))
	b.send("p0", mac(1))
	b.want(table, mac(1), "p0")
	for n := range 200 {
		b.send("p1", mac(byte(n)))
	}
	b.await("the bridge knows the last", func() bool { return b.known(mac(199)) == b.Index("p1") })
	b.want(table, mac(1), "p1")
	for n := range 2 * most {
		table.ports.put(nth(n), 7)
	}
	b.want(table, mac(1), "p1")
	b.want(table, mac(2), "p1")
	if n := len(table.ports.sets) * ways; n > most {
		t.Errorf("room for %d stations, want at most %d", n, most)
	}
}

func TestFollowAllocatesNothing(t *testing.T) {
	b := newBed(t, "p0")
	table := b.open()
	defer func() { b.Must(table.Close()) }()
	b.send("p0", mac(1))
	b.want(table, mac(1), "p0")
	s := b.station(mac(1))
	if n := testing.AllocsPerRun(100, func() {
		table.Follow()
		table.Port(s)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestDecodeRefuses(t *testing.T) {
	whole := func() []byte {
		b := make([]byte, unix.SizeofNdMsg)
		b[0] = unix.AF_BRIDGE
		b[4] = 9
		b = attr(b, unix.NDA_LLADDR, 2, 0, 0, 0, 0, 1)
		return attr(b, unix.NDA_MASTER, 3, 0, 0, 0)
	}
	if _, port, ok := decode(whole()); !ok || port == 0 {
		t.Fatalf("port %d, %v", port, ok)
	}
	for name, change := range map[string]func(b []byte) []byte{
		"another family": func(b []byte) []byte { b[0] = unix.AF_INET; return b },
		"of the card":    func(b []byte) []byte { b[offFlags] = unix.NTF_SELF; return b },
		"short":          func(b []byte) []byte { return b[:8] },
		"no bridge":      func(b []byte) []byte { return b[:len(b)-8] },
		"no address":     func(b []byte) []byte { return append(b[:unix.SizeofNdMsg:unix.SizeofNdMsg], b[len(b)-8:]...) },
		"long attribute": func(b []byte) []byte { b[unix.SizeofNdMsg] = 0xff; return b },
	} {
		if s, port, ok := decode(change(whole())); ok {
			t.Errorf("%s: %v by %d", name, s, port)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{unix.AF_BRIDGE, 0, 0, 0, 9, 0, 0, 0, 2, 0, 0, 0, 10, 0, 2, 0, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0, 9, 0, 3, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, port, ok := decode(b); ok && s.Bridge == 0 {
			t.Errorf("%v by %d", s, port)
		}
		table := &Table{ports: newStations()}
		table.learn(b)
	})
}
