package capture_test

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/wire/dhcp"
)

// secrets are what identifies the client of the tests, as octets.
func secrets() map[string][]byte {
	return map[string][]byte{
		"the MAC, or part of it as IAID": mac[2:],
		"the name":                       []byte("secret"),
		"the IPv4 address":               leased.AsSlice(),
		"the IPv4 address in a comment":  []byte(leased.String()),
		"the link-local address":         netip.MustParseAddr("fe80::5ec").AsSlice(),
		"the link-local in a comment":    []byte("fe80::5ec"),
		"the leased address":             netip.MustParseAddr("2001:db8:1::5ec").AsSlice(),
		"the delegated prefix":           netip.MustParseAddr("2001:db8:5ec::").AsSlice(),
		"the MAC in a comment":           []byte("02:aa:bb"),
	}
}

func TestRedactedCaptureNamesNoClient(t *testing.T) {
	open, redacted := write(t, recorded(), false), write(t, recorded(), true)
	for what, octets := range secrets() {
		if !bytes.Contains(open, octets) {
			t.Errorf("the test is blind to %s", what)
		}
		if bytes.Contains(redacted, octets) {
			t.Errorf("%s is in a redacted capture", what)
		}
	}
	got := dissect(t, redacted, "dhcp.option.dhcp", "dhcp.id", "dhcp.ip.relay", "dhcpv6.msgtype", "dhcpv6.xid", "dhcpv6.linkaddr", "dhcp.option.vendor_class_id", "dhcp.option.agent_information_option.suboption")
	// What an operator needs is still there, in the place that it had.
	want := dissect(t, open, "dhcp.option.dhcp", "dhcp.id", "dhcp.ip.relay", "dhcpv6.msgtype", "dhcpv6.xid", "dhcpv6.linkaddr", "dhcp.option.vendor_class_id", "dhcp.option.agent_information_option.suboption")
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("what should stay (-open +redacted):\n%s", d)
	}
	if len(got) > 0 && got[0][6] != "class" {
		t.Errorf("vendor class %q, want \"class\"", got[0][6])
	}
}

// Messages that are broken, of vendors, or of chains of relays hide no client
// either.
func TestRedactedOddMessagesNameNoClient(t *testing.T) {
	whole4, whole6 := client4(1, 1, ""), client6(1)
	cut4 := slices.Concat(whole4[:240], []byte{12, 200}, []byte("secret"))
	vendor := slices.Concat(whole4[:236], []byte("\x01\x02\x03\x04secret"))
	overload := slices.Concat(whole4[:240], []byte{52, 1, 3, 255})
	copy(overload[44:], "\x0c\x06secret\xff")
	cut6 := slices.Concat(whole6[:4], []byte{0, 39, 0, 99}, []byte("secret"))
	for name, c := range map[string]struct {
		family  dhcp.Family
		payload []byte
	}{
		"an option that is cut off":             {dhcp.V4, cut4},
		"an option cut off after its code":      {dhcp.V4, append(whole4[:240:240], 12)},
		"a message shorter than its header":     {dhcp.V4, whole4[:100]},
		"BOOTP with a vendor's fields":          {dhcp.V4, vendor},
		"options in sname":                      {dhcp.V4, overload},
		"no octet":                              {dhcp.V4, nil},
		"a DHCPv6 option that is cut off":       {dhcp.V6, cut6},
		"a DHCPv6 header that is cut off":       {dhcp.V6, relay6(12, "fe80::5ec", whole6)[:33]},
		"a chain of relays":                     {dhcp.V6, relay6(12, "2001:db8::1", relay6(12, "fe80::5ec", whole6))},
		"a relay message with a cut option":     {dhcp.V6, relay6(12, "fe80::5ec", whole6)[:100]},
		"a relay message that holds no message": {dhcp.V6, relay6(12, "fe80::5ec", nil)},
		"no octet of DHCPv6":                    {dhcp.V6, nil},
	} {
		t.Run(name, func(t *testing.T) {
			m := recorded()[0]
			if c.family == dhcp.V6 {
				m = recorded()[3]
			}
			if len(c.payload) > 0 && c.payload[0] == 12 { // what a relay further down sends
				m.Src = netip.MustParseAddrPort("[2001:db8::1]:547")
			}
			m.Received, m.Size, m.Sent, m.SentLen = c.payload, len(c.payload), c.payload, len(c.payload)
			redacted := write(t, []recorder.Message{m}, true)
			for what, octets := range secrets() {
				if bytes.Contains(redacted, octets) {
					t.Errorf("%s is in a redacted capture", what)
				}
			}
		})
	}
}

// Redaction touches no octet of the message that it was given.
func TestRedactionLeavesTheMessageAlone(t *testing.T) {
	ms, want := recorded(), recorded()
	write(t, ms, true)
	for i := range ms {
		if !bytes.Equal(ms[i].Received, want[i].Received) || !bytes.Equal(ms[i].Sent, want[i].Sent) {
			t.Errorf("message %d was changed", i)
		}
	}
}

// The address of a relay further down is no client's.
func TestRedactionKeepsRelays(t *testing.T) {
	m := recorded()[0]
	m.Received, m.Src = client4(1, 1, "10.7.0.1"), netip.MustParseAddrPort("10.7.0.1:67")
	m.Size = len(m.Received)
	rows := dissect(t, write(t, []recorder.Message{m}, true), "ip.src", "dhcp.ip.relay")
	if d := cmp.Diff([]string{"10.7.0.1", "10.7.0.1"}, rows[0]); d != "" {
		t.Errorf("source, giaddr (-want +got):\n%s", d)
	}
	if b := write(t, []recorder.Message{m}, true); bytes.Contains(b, []byte("secret")) {
		t.Error("the name of the client is still there")
	}
}

func FuzzWrite(f *testing.F) {
	for _, m := range recorded() {
		f.Add(byte(m.Family), m.Received, m.Sent)
	}
	f.Fuzz(func(t *testing.T, family byte, received, sent []byte) {
		m := recorded()[0]
		if family%2 == 1 {
			m = recorded()[3]
		}
		m.Received, m.Sent, m.Size, m.SentLen = received, sent, len(received), len(sent)
		open, redacted := write(t, []recorder.Message{m}, false), write(t, []recorder.Message{m}, true)
		if len(received) > 0 && !bytes.Contains(open, received) {
			t.Error("the payload is not in the capture")
		}
		if len(redacted) == 0 {
			t.Error("nothing was written")
		}
	})
}
