package bench

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/dhcp"
)

// TestUplinks sends a burst as one on each uplink: where it is not cut, it counts as
// one message, and where it is, as all of them; a packet socket sees as many.
func TestUplinks(t *testing.T) {
	netns.Require(t)
	b, err := newBed()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.close(); err != nil {
			t.Error(err)
		}
	}()
	const burst = 5
	for _, tt := range []struct {
		up   uplink
		want int
	}{{virtual, 1}, {card, burst}} {
		t.Run(tt.up.String(), func(t *testing.T) {
			_, far := tt.up.devs()
			server, err := listenServer(b.sink, netip.AddrPortFrom(tt.up.servers().v4, portServer))
			if err != nil {
				t.Fatal(err)
			}
			defer server.close()
			frames, err := listenFrames(b.sink, far, slotServer, dhcp.V4)
			if err != nil {
				t.Fatal(err)
			}
			defer frames.close()
			sendAsOne(t, b.relay, tt.up.servers().v4, burst)
			// One more, alone, which comes last.
			sendAsOne(t, b.relay, tt.up.servers().v4, 1)
			last := func(l *listener, of func([]byte) (id, bool)) (seqs []int) {
				t.Helper()
				for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
					for i := range l.recv() {
						x, ok := of(l.data(i))
						switch {
						case ok && x.run() == 1:
							seqs = append(seqs, x.seq())
						case ok:
							return seqs
						}
					}
				}
				t.Fatal("the last message did not come")
				return nil
			}
			heard := last(server, func(b []byte) (id, bool) { return relayedID(dhcp.V4, b) })
			seen := last(frames, func(b []byte) (id, bool) {
				if len(b) < headers4 {
					return 0, false
				}
				return relayedID(dhcp.V4, b[headers4:])
			})
			if len(heard) != tt.want || len(seen) != tt.want {
				t.Errorf("the server has heard %v, a packet socket %v; want %d", heard, seen, tt.want)
			}
			for i, s := range heard {
				if s != i {
					t.Errorf("message %d is heard as number %d", s, i)
				}
			}
		})
	}
}

// sendAsOne sends n messages with one send: of run 1, or of run 2 if it is one.
func sendAsOne(t *testing.T, from *netns.NS, to netip.Addr, n int) {
	t.Helper()
	run := 1
	if n == 1 {
		run = 2
	}
	var b []byte
	for i := range n {
		m := message4(i, opening)
		x := newID(run, i)
		m[xidAt+1], m[xidAt+2], m[xidAt+3] = byte(x>>16), byte(x>>8), byte(x)
		b = append(b, m...)
	}
	var oob []byte
	if n > 1 {
		oob = make([]byte, unix.CmsgSpace(2))
		binary.NativeEndian.PutUint64(oob, uint64(unix.CmsgLen(2)))
		binary.NativeEndian.PutUint32(oob[8:], unix.SOL_UDP)
		binary.NativeEndian.PutUint32(oob[12:], unix.UDP_SEGMENT)
		binary.NativeEndian.PutUint16(oob[16:], bootpLen)
	}
	err := from.Do(func() error {
		c, err := net.ListenUDP("udp4", nil)
		if err != nil {
			return err
		}
		_, _, err = c.WriteMsgUDPAddrPort(b, oob, netip.AddrPortFrom(to, portServer))
		return errors.Join(err, c.Close())
	})
	if err != nil {
		t.Fatal(err)
	}
}
