package bootp

import (
	"bytes"
	"net"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"
)

// decode is a second opinion: another implementation's reading of m.
func decode(t *testing.T, m []byte) *dhcpv4.DHCPv4 {
	t.Helper()
	d, err := dhcpv4.FromBytes(m)
	if err != nil {
		t.Fatalf("decode: %v\n% x", err, m)
	}
	return d
}

func TestSecondOpinionReadsWhatInsertMade(t *testing.T) {
	t.Parallel()
	d, err := dhcpv4.NewDiscovery(net.HardwareAddr{2, 0, 0, 0, 0, 9},
		dhcpv4.WithOption(dhcpv4.OptHostName("printer")),
		dhcpv4.WithOption(dhcpv4.OptClientIdentifier([]byte{1, 2, 0, 0, 0, 0, 9})))
	if err != nil {
		t.Fatal(err)
	}
	sent := d.ToBytes()

	p := roomy(sent, 64)
	l, ok := p.Scan()
	if !ok || l.Type != Discover || !bytes.Equal(l.ClientID, clientID[2:]) {
		t.Fatalf("Scan: %v, type %v, client identifier % x", ok, l.Type, l.ClientID)
	}
	p, ok = p.Insert(&l, relayInf)
	if !ok {
		t.Fatal("Insert found no room")
	}

	got := decode(t, p)
	info := got.RelayAgentInfo()
	if info == nil {
		t.Fatal("no option 82 was read")
	}
	for code, want := range map[dhcpv4.OptionCode]string{
		dhcpv4.AgentCircuitIDSubOption: "vlan10",
		dhcpv4.AgentRemoteIDSubOption:  "rem1",
	} {
		if diff := cmp.Diff(want, string(info.Get(code))); diff != "" {
			t.Errorf("%v (-want +got):\n%s", code, diff)
		}
	}
	delete(got.Options, OptionRelay)
	if diff := cmp.Diff(decode(t, sent).Options, got.Options); diff != "" {
		t.Errorf("other options (-want +got):\n%s", diff)
	}

	l, ok = p.Scan()
	if !ok {
		t.Fatal("Scan refused what Insert made")
	}
	p, ok = p.RemoveAll(&l).Pad(len(sent))
	if !ok {
		t.Fatal("Pad found no room")
	}
	if diff := cmp.Diff(sent, []byte(p)); diff != "" {
		t.Errorf("after removal (-want +got):\n%s", diff)
	}
}

// What another implementation reads out of a random message is, with option 82
// inserted, the same and that option's octets at the end of option 82.
func TestSecondOpinionRandomMessages(t *testing.T) {
	t.Parallel()
	g := newGenerator(7)
	opt := slices.Clone(relayInf)
	read := 0
	for range 5_000 {
		m := g.message()
		l, ok := Packet(m).Scan()
		if !ok {
			continue
		}
		before := dhcpv4.Options{}
		if err := before.FromBytes(m[OptionsOffset:]); err != nil {
			t.Fatalf("Scan took what another refuses: %v\n% x", err, m)
		}
		p, ok := roomy(m, len(opt)+1).Insert(&l, opt)
		if !ok {
			t.Fatalf("Insert found no room\n% x", m)
		}
		before[OptionRelay] = append(before[OptionRelay], opt[2:]...)
		if diff := cmp.Diff(before, decode(t, p).Options); diff != "" {
			t.Fatalf("options (-want +got):\n%s\n% x", diff, m)
		}
		read++
	}
	if read < 2_500 {
		t.Errorf("only %d messages were sound", read)
	}
}
