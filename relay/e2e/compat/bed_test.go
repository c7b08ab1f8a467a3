// Package compat runs this relay beside ISC dhcrelay, with a configuration that the
// importer has made of dhcrelay's command line, and compares what leaves both: every
// octet, towards the servers and towards the clients.
package compat

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/wire"
	"dhcp-relay/relay/importer"
)

// patience bounds every wait for what must come.
const patience = 60 * time.Second

var (
	macRelay  = net.HardwareAddr{2, 0, 0x5e, 0, 0x53, 1}
	macClient = net.HardwareAddr{2, 0, 0x5e, 0, 0x53, 2}
	macServer = net.HardwareAddr{2, 0, 0x5e, 0, 0x53, 3}
)

const (
	addrClients, addrUp, addrServer    = "192.0.2.1", "198.51.100.1", "198.51.100.10"
	addr6Clients, addr6Up, addr6Server = "2001:db8:1::1", "2001:db8:9::1", "2001:db8:9::2"
	clientLL, relayLL                  = "fe80::c", "fe80::1"
)

// A bed is a relay between a client's link, vlan10, and a server's, up. All beds
// have the same names and addresses.
type bed struct {
	name           string
	relay          *netns.NS
	client, server *wire.Tap
	log            bytes.Buffer
	marks          uint32
}

func newBed(t *testing.T, name string) *bed {
	t.Helper()
	opts := []netns.Option{netns.WithoutDAD(), netns.WithoutLinkLocal()}
	b := &bed{name: name, relay: netns.Test(t, "R", opts...)}
	c, s := netns.Test(t, "C", opts...), netns.Test(t, "S", opts...)
	do(t,
		b.relay.Sysctl("net/ipv4/conf/all/rp_filter", "0"), b.relay.Sysctl("net/ipv4/conf/default/rp_filter", "0"),
		netns.Veth(b.relay, "vlan10", c, "c"), netns.Veth(b.relay, "up", s, "s"),
		b.relay.SetMAC("vlan10", macRelay), b.relay.SetMAC("up", macRelay), c.SetMAC("c", macClient), s.SetMAC("s", macServer),
		b.relay.Addr("vlan10", addrClients+"/24"), b.relay.Addr("up", addrUp+"/24"), s.Addr("s", addrServer+"/24"),
		b.relay.Addr("vlan10", relayLL+"/64"), b.relay.Addr("up", relayLL+"/64"), c.Addr("c", clientLL+"/64"),
		b.relay.Addr("vlan10", addr6Clients+"/64"), b.relay.Addr("up", addr6Up+"/64"), s.Addr("s", addr6Server+"/64"),
	)
	for tap, far := range map[**wire.Tap]struct {
		ns  *netns.NS
		dev string
	}{&b.client: {c, "c"}, &b.server: {s, "s"}} {
		w, err := wire.Open(far.ns, far.dev)
		do(t, err)
		t.Cleanup(func() { do(t, w.Close()) })
		*tap = w
	}
	// Ports that are open, so that the kernel answers nothing by ICMP.
	for _, ns := range []*netns.NS{c, s} {
		for _, at := range []struct {
			network string
			port    int
		}{{"udp4", 67}, {"udp4", 68}, {"udp6", 546}, {"udp6", 547}} {
			do(t, ns.Do(func() error {
				conn, err := net.ListenUDP(at.network, &net.UDPAddr{Port: at.port})
				if err == nil {
					t.Cleanup(func() { _ = conn.Close() })
				}
				return err
			}))
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s:\n%s", name, &b.log)
		}
	})
	return b
}

func do(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// run starts a relay in the bed, until the test's end.
func (b *bed) run(t *testing.T, args ...string) {
	t.Helper()
	p, err := b.relay.StartCmd(b.command(args...))
	do(t, err)
	t.Cleanup(p.Stop)
}

func (b *bed) command(args ...string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = &b.log, &b.log
	return cmd
}

// A side is one of the two ways through a relay.
type side struct {
	in, out func(*bed) *wire.Tap
	mark    func(n uint32) wire.Packet         // what is relayed in any case
	marked  func(f *wire.Frame) (uint32, bool) // its number, where it comes out
}

// after sends a packet and a mark behind it, and returns what comes out before the
// mark does: a relay keeps the order.
func (b *bed) after(t *testing.T, s side, p *wire.Packet) (out []wire.Frame) {
	t.Helper()
	_, err := s.out(b).Drain()
	do(t, err)
	if p != nil {
		do(t, s.in(b).Send(p.Frame()))
	}
	b.marks++
	mark := s.mark(b.marks)
	do(t, s.in(b).Send(mark.Frame()))
	for end := time.Now().Add(patience); ; {
		f, err := s.out(b).Next(250 * time.Millisecond)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && time.Now().Before(end):
			if p == nil { // the relay is not there yet
				do(t, s.in(b).Send(mark.Frame()))
			}
			continue
		case err != nil:
			t.Fatalf("%s: the mark does not come: %v", b.name, err)
		}
		if f.Outgoing || !f.UDP() {
			continue
		}
		if n, ok := s.marked(&f); ok {
			if n == b.marks {
				return out
			}
			continue
		}
		out = append(out, f)
	}
}

// pair starts dhcrelay with a command line in one bed, and in another this relay
// with what the importer makes of it.
func pair(t *testing.T, bin, line string) (isc, ours *bed) {
	t.Helper()
	res, err := importer.Import([]importer.Source{{Name: "command line", Data: []byte(line)}}, importer.Options{ISC: true})
	do(t, err)
	if len(res.Problems) > 0 {
		t.Fatal(res.Problems)
	}
	conf := filepath.Join(t.TempDir(), "relay.toml")
	do(t, os.WriteFile(conf, []byte(res.TOML+"\n[control]\nsocket = \"\"\n"), 0o600))
	isc, ours = newBed(t, "dhcrelay"), newBed(t, "dhcp-relay")
	isc.run(t, append(strings.Fields(line), "-d", "--no-pid")...)
	ours.run(t, bin, "run", "--config", conf)
	return isc, ours
}

// program builds the relay.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dhcp-relay")
	if out, err := exec.Command("go", "build", "-o", path, "dhcp-relay/cmd/dhcp-relay").CombinedOutput(); err != nil {
		t.Fatalf("build the relay: %v\n%s", err, out)
	}
	return path
}

// need skips the test without dhcrelay.
func need(t *testing.T) {
	t.Helper()
	netns.Require(t)
	if _, err := exec.LookPath("dhcrelay"); err != nil {
		netns.Need(t, "dhcrelay", err)
	}
}

// A step is a packet that both relays get.
type step struct {
	name   string
	side   side
	packet wire.Packet
	why    string // why this relay does something else; "" where it must not
}

// compare plays the steps to both and returns what differs, a paragraph for each
// step that does.
func compare(t *testing.T, isc, ours *bed, steps []step) string {
	t.Helper()
	for _, b := range []*bed{isc, ours} {
		b.after(t, steps[0].side, nil)
	}
	var w strings.Builder
	headers := map[string]bool{}
	for _, s := range steps {
		was, is := isc.after(t, s.side, &s.packet), ours.after(t, s.side, &s.packet)
		if len(was) > 0 && len(is) > 0 {
			headers[fmt.Sprintf("to %s: dhcrelay %s, dhcp-relay %s", is[0].EtherDst, header(was[0]), header(is[0]))] = true
		}
		a, b := describe(was), describe(is)
		switch {
		case slices.Equal(a, b):
			fmt.Fprintf(&w, "  %s: the same\n", s.name)
			continue
		case s.why == "":
			t.Errorf("%s: this is not meant: %q", s.name, differences(a, b))
		}
		fmt.Fprintf(&w, "  %s: %s\n", s.name, s.why)
		for _, l := range differences(a, b) {
			fmt.Fprintf(&w, "    %s\n", l)
		}
	}
	for _, h := range slices.Sorted(maps.Keys(headers)) {
		fmt.Fprintf(&w, "  IP header %s\n", h)
	}
	return w.String()
}

// header writes what the relays choose in an IP header.
func header(f wire.Frame) string { return fmt.Sprintf("TTL %d TOS %#x DF %t", f.TTL, f.TOS, f.DF) }

// differences returns the lines that only one has.
func differences(isc, ours []string) (all []string) {
	one := func(name string, have, other []string) {
		for _, l := range have {
			if !slices.Contains(other, l) {
				all = append(all, name+l)
			}
			if len(other) == 1 { // nothing: where it goes says enough
				return
			}
		}
	}
	one("dhcrelay    ", isc, ours)
	one("dhcp-relay  ", ours, isc)
	if len(all) == 0 {
		all = append(all, "dhcrelay    "+strings.Join(isc, " / "), "dhcp-relay  "+strings.Join(ours, " / "))
	}
	return all
}

// describe writes frames: where they go, and every octet of the message, a line a
// field.
func describe(frames []wire.Frame) (all []string) {
	if len(frames) == 0 {
		return []string{"nothing"}
	}
	if len(frames) > 1 {
		all = append(all, fmt.Sprintf("%d messages", len(frames)))
	}
	for _, f := range frames {
		all = append(all, fmt.Sprintf("to %s, %s > %s", f.EtherDst, f.Src(), f.Dst()))
		if !f.UDPSumOK || !f.IPSumOK {
			all = append(all, "wrong sums")
		}
		if f.IPSrc.Is4() {
			all = append(all, describe4(f.Payload)...)
		} else {
			all = append(all, describe6(f.Payload)...)
		}
	}
	return all
}

func describe4(p []byte) []string {
	if len(p) < 240 {
		return []string{fmt.Sprintf("%x", p)}
	}
	all := []string{
		fmt.Sprintf("op %d htype %d hlen %d", p[0], p[1], p[2]),
		fmt.Sprintf("hops %d", p[3]),
		fmt.Sprintf("xid %x secs %x flags %x", p[4:8], p[8:10], p[10:12]),
		fmt.Sprintf("ciaddr %s yiaddr %s siaddr %s", ip(p[12:]), ip(p[16:]), ip(p[20:])),
		fmt.Sprintf("giaddr %s", ip(p[24:])),
		fmt.Sprintf("chaddr %x sname %x file %x", p[28:44], bytes.TrimRight(p[44:108], "\x00"), bytes.TrimRight(p[108:236], "\x00")),
		fmt.Sprintf("cookie %x", p[236:240]),
	}
	o := p[240:]
	order := []string{}
	for len(o) > 1 && o[0] != 255 && (o[0] == 0 || len(o) >= 2+int(o[1])) {
		if o[0] == 0 {
			n := len(o) - len(bytes.TrimLeft(o, "\x00"))
			order = append(order, fmt.Sprintf("%d pads", n))
			o = o[n:]
			continue
		}
		n := 2 + int(o[1])
		all = append(all, fmt.Sprintf("option %d %x", o[0], o[2:n]))
		order = append(order, fmt.Sprint(o[0]))
		o = o[n:]
	}
	end := "without END"
	if len(o) > 0 && o[0] == 255 {
		end, o = "END", o[1:]
	}
	rest := bytes.TrimRight(o, "\x00")
	if len(rest) > 0 {
		end += fmt.Sprintf(" %x", rest)
	}
	all = append(all, "order "+strings.Join(order, " ")+" "+end)
	return append(all, fmt.Sprintf("%d octets", len(p)))
}

func ip(p []byte) netip.Addr { return netip.AddrFrom4([4]byte(p)) }

func describe6(p []byte) []string {
	if len(p) < 34 || p[0] != 12 && p[0] != 13 {
		return []string{fmt.Sprintf("%x", p)}
	}
	all := []string{
		fmt.Sprintf("type %d hop-count %d", p[0], p[1]),
		fmt.Sprintf("link-address %s peer-address %s", netip.AddrFrom16([16]byte(p[2:])), netip.AddrFrom16([16]byte(p[18:]))),
	}
	order := []string{}
	for o := p[34:]; len(o) >= 4; {
		n := 4 + int(binary.BigEndian.Uint16(o[2:]))
		if n > len(o) {
			return append(all, fmt.Sprintf("rest %x", o))
		}
		code := binary.BigEndian.Uint16(o)
		all = append(all, fmt.Sprintf("option %d %x", code, o[4:n]))
		order = append(order, fmt.Sprint(code))
		o = o[n:]
	}
	return append(all, "order "+strings.Join(order, " "))
}
