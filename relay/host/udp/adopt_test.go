package udp

import (
	"net"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/dhcp"
)

// leave copies the sockets of a pair, as a supervisor has them.
func leave(t *testing.T, p *Pair) Left {
	t.Helper()
	left := make(Left)
	_, err := p.Descriptors(0, func(r Role, fd int) error {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err != nil || r != members && flags&unix.O_NONBLOCK == 0 {
			t.Errorf("%s: flags %#x, %v, want one that does not block", r, flags, err)
		}
		own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
		left[r] = append(left[r], os.NewFile(uintptr(own), string(r)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(left.Close)
	return left
}

// restart makes another pair of what is left of one that is closed meanwhile.
func restart(t *testing.T, s *netns.Space, c Config, p *Pair, meanwhile func()) (again *Pair) {
	t.Helper()
	left := leave(t, p)
	s.Must(p.Close())
	meanwhile()
	s.Do(func() (err error) {
		again, err = Adopt(c, left)
		return err
	})
	t.Cleanup(func() { _ = again.Close() })
	return again
}

// What comes between two processes is read by the next one, each on its socket, and
// what the kernel counted before does not count again.
func TestAdoptedSocketsHoldWhatCame(t *testing.T) {
	relay, client := cable(t)
	conf := Config{Family: dhcp.V4, Port: 67, RcvBuf: 1 << 20}
	p := listen(relay, conf)
	c := client.ListenUDP("udp4", "0.0.0.0:68")
	sendOn(t, c, request, client.Index("c0"), "255.255.255.255:67") // which the witness counts
	hear(t, p.Requests, 1, patient)
	again := restart(t, relay, conf, p, func() {
		sendOn(t, c, request, client.Index("c0"), "255.255.255.255:67")
		sendTo(t, c, reply, "192.0.2.1:67")
		sendTo(t, c, request+"2", "192.0.2.1:67")
	})
	if !again.Requests.rx.spread.on || again.Replies.rx.spread.on {
		t.Error("bursts of requests are spread no more, or replies are")
	}
	said := func(c *Conn, n int) (all []string) {
		for _, h := range hear(t, c, n, patient) {
			all = append(all, h.Payload)
		}
		return all
	}
	if diff := cmp.Diff([]string{request, request + "2"}, said(again.Requests, 2)); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{reply}, said(again.Replies, 1)); diff != "" {
		t.Errorf("replies (-want +got):\n%s", diff)
	}
	sendTo(t, c, reply, "192.0.2.1:67")
	sendTo(t, c, request, "192.0.2.1:67")
	if got := append(said(again.Requests, 1), said(again.Replies, 1)...); !cmp.Equal(got, []string{request, reply}) {
		t.Errorf("after that: %q", got)
	}
	if n := again.Drops(); n != 0 {
		t.Errorf("Drops() = %d, want 0", n)
	}
}

// What was lost before is the former process's affair, on each socket; what is lost
// after that counts.
func TestAdoptedSocketsForgiveWhatWasLost(t *testing.T) {
	relay, client := cable(t)
	conf := Config{Family: dhcp.V4, Port: 67, RcvBuf: 64 << 10}
	p := listen(relay, conf)
	c := client.ListenUDP("udp4", "0.0.0.0:68")
	const each = 400
	lose := func(p *Pair) {
		for range each {
			sendTo(t, c, request, "192.0.2.255:67") // which the witness counts
			sendTo(t, c, request, "192.0.2.1:67")
			sendTo(t, c, reply, "192.0.2.1:67")
		}
		checkLosses(t, p, 3*each)
	}
	lose(p)
	again := restart(t, relay, conf, p, func() {})
	if all, req, rep := again.Drops(), again.Requests.Drops(), again.Replies.Drops(); all != 0 || req != 0 || rep != 0 {
		t.Errorf("%d lost, %d requests and %d replies, want none", all, req, rep)
	}
	lose(again)
}

// The memberships of all holders stay, and are known to the next process.
func TestAdoptedSocketsKeepTheirMemberships(t *testing.T) {
	relay, client := netns.NewSpace(t), netns.NewSpace(t)
	const links = maxOwn + 3
	name := func(s string, i int) string { return s + string(rune('a'+i)) }
	for i := range links {
		relay.Veth(name("d", i), client, name("c", i))
		relay.Addr(name("d", i), "fe80::1/64")
		client.Addr(name("c", i), "fe80::9/64")
	}
	conf := Config{Family: dhcp.V6, Port: 547}
	p := listen(relay, conf)
	for i := range links - 1 {
		relay.Do(func() error { return p.Requests.Join(relay.Index(name("d", i))) })
	}
	c := client.ListenUDP("udp6", "[::]:546")
	send := func(i int) {
		_, err := ipv6.NewPacketConn(c).WriteTo([]byte(solicit),
			&ipv6.ControlMessage{IfIndex: client.Index(name("c", i))}, &net.UDPAddr{IP: net.ParseIP("ff02::1:2"), Port: 547})
		client.Must(err)
	}
	for range 3 { // generations
		p = restart(t, relay, conf, p, func() {
			for i := range links - 1 {
				send(i)
			}
		})
		if got := len(hear(t, p.Requests, links-1, patient)); got != links-1 {
			t.Fatalf("heard on %d links, want %d", got, links-1)
		}
		for i := range links {
			if got, want := p.Requests.Joined(relay.Index(name("d", i))), i < links-1; got != want {
				t.Errorf("link %d: Joined() = %v, want %v", i, got, want)
			}
			if i < links-1 {
				relay.Do(func() error { return p.Requests.Join(relay.Index(name("d", i))) })
			}
		}
		if g := &p.Requests.groups; g.own != maxOwn || len(g.extra) != 1 {
			t.Errorf("%d memberships of its own and %d holders, want %d and 1", g.own, len(g.extra), maxOwn)
		}
	}
	for i := range links - 2 {
		relay.Must(p.Requests.Leave(relay.Index(name("d", i))))
	}
	send(0)
	send(links - 2)
	if hs := hear(t, p.Requests, 1, patient); len(hs) != 1 || hs[0].Link != relay.Index(name("d", links-2)) {
		t.Errorf("heard %v, want one on the link that it has not left", hs)
	}
	silent(t, p.Requests, "a link that it has left")
}

// A socket that Listen would not have made is refused, and why is said.
func TestAdoptRefuses(t *testing.T) {
	relay, _ := cable(t)
	conf := Config{Family: dhcp.V4, Port: 67}
	for _, tc := range []struct {
		name, want string
		conf       Config
		spoil      func(l Left)
	}{
		{"nothing at all", "0 sockets for requests", conf, func(l Left) { clear(l) }},
		{"no witness", "0 sockets for witness", conf, func(l Left) { delete(l, witness) }},
		{"two of a kind", "2 sockets for replies", conf, func(l Left) { l[replies] = append(l[replies], l[requests][0]) }},
		{"one socket twice", "two roles", conf, func(l Left) { l[replies] = l[requests] }},
		{"one socket by two descriptors", "two roles", conf, func(l Left) {
			fd, err := unix.FcntlInt(l[requests][0].Fd(), unix.F_DUPFD_CLOEXEC, 3)
			relay.Must(err)
			_ = l[replies][0].Close()
			l[replies][0] = os.NewFile(uintptr(fd), "replies")
		}},
		{"a closed one", "replies: get SO_COOKIE: use of closed file", conf, func(l Left) { _ = l[replies][0].Close() }},
		{"the other family", "SO_DOMAIN is 2, want 10", Config{Family: dhcp.V6, Port: 67}, func(Left) {}},
		{"another port", "not bound to 0.0.0.0:1067", Config{Family: dhcp.V4, Port: 1067}, func(Left) {}},
		{"a VRF", "SO_BINDTOIFINDEX is 0, want 7", Config{Family: dhcp.V4, Port: 67, VRF: 7}, func(Left) {}},
		{"a pipe", "witness: get SO_COOKIE: socket operation on non-socket", conf, func(l Left) {
			r, w, err := os.Pipe()
			relay.Must(err)
			t.Cleanup(func() { _, _ = r.Close(), w.Close() })
			l[witness] = []*os.File{r}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := listen(relay, conf)
			left := leave(t, p)
			tc.spoil(left)
			relay.Do(func() error {
				if p, err := Adopt(tc.conf, left); err == nil || p != nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("Adopt: %v, want %q", err, tc.want)
				}
				return nil
			})
			relay.Must(p.Close())
		})
	}
}

// A cookie tells a socket from all others, by whichever descriptor it is asked for;
// what is no socket has none.
func TestCookies(t *testing.T) {
	s := netns.NewSpace(t)
	left := leave(t, listen(s, Config{Family: dhcp.V4, Port: 67}))
	fd, err := unix.FcntlInt(left[requests][0].Fd(), unix.F_DUPFD_CLOEXEC, 3)
	s.Must(err)
	dup := os.NewFile(uintptr(fd), "requests")
	of := func(f *os.File) uint64 {
		t.Helper()
		cookie, err := cookieOf(f)
		s.Must(err)
		return cookie
	}
	req, rep := of(left[requests][0]), of(left[replies][0])
	if again := of(dup); req == 0 || again != req || rep == req {
		t.Errorf("requests have %d and %d, replies %d", req, again, rep)
	}
	s.Must(dup.Close())
	null, err := os.Open(os.DevNull)
	s.Must(err)
	t.Cleanup(func() { _ = null.Close() })
	for what, f := range map[string]*os.File{"none": nil, "a closed one": dup, "no socket": null} {
		if cookie, err := cookieOf(f); cookie != 0 || err == nil {
			t.Errorf("%s has %d, %v", what, cookie, err)
		}
	}
}
