package transaction_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/api"
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/observe/transaction"
	"dhcp-relay/relay/wire/dhcp"
)

// secrets are what identifies the clients of the tests, in all of its forms.
func secrets() []string {
	return []string{
		"02:00:00:00:00:0", "00:03:00:01", "10.1.0.100", "10.1.0.44", "2001:db8:1::100", "2001:db8:8000::", "fe80::c1", "wrong for 10.1.0.100",
	}
}

func TestRedactedLaddersNameNoClient(t *testing.T) {
	nak := answered(310, dhcp4{xid: 4, kind: 6, mac: []byte{2, 0, 0, 0, 0, 4}, options: append([]byte{56, 20}, "wrong for 10.1.0.100"...)})
	ms := append(four(), nak)
	shown := func(r *transaction.Redactor) string {
		ts := join(ms, at(9000), transaction.Options{Names: names, Redact: r}, transaction.Filter{})
		b, err := json.Marshal(ts)
		if err != nil {
			t.Fatal(err)
		}
		for _, tr := range ts {
			b = append(b, draw(t, transaction.Printer{}, tr)...)
		}
		return string(b)
	}
	open, redacted := shown(nil), shown(transaction.NewRedactor([]byte("a key")))
	for _, s := range secrets() {
		if !strings.Contains(open, s) {
			t.Errorf("the test is blind: no %q in the open ladder", s)
		}
		if strings.Contains(redacted, s) {
			t.Errorf("%q in the redacted ladder:\n%s", s, redacted)
		}
	}
	// What an operator needs stays.
	for _, s := range []string{"10.9.0.2", "10.1.0.1", "vlan10", "0x1a2b3c4d", "255.255.255.255:67", "0.0.0.0:68", "ff02::1:2"} {
		if !strings.Contains(redacted, s) {
			t.Errorf("no %q in the redacted ladder", s)
		}
	}
}

func TestPseudonymsAreStable(t *testing.T) {
	of := func(key string) api.Client {
		r := transaction.NewRedactor([]byte(key))
		return join(exchange(), at(9000), transaction.Options{Names: names, Redact: r}, transaction.Filter{})[0].Client
	}
	a, again, other := of("one"), of("one"), of("two")
	if d := cmp.Diff(a, again); d != "" {
		t.Errorf("one key, two pseudonyms (-first +second):\n%s", d)
	}
	if a.MAC == other.MAC || a.Address == other.Address || a.ClientID == other.ClientID {
		t.Errorf("another key, the same pseudonyms: %+v", a)
	}
	if ok, _ := regexp.MatchString(`^mac-[0-9a-f]{8}$`, a.MAC); !ok {
		t.Errorf("pseudonym %q, want one such as mac-1a2b3c4d", a.MAC)
	}
}

func TestFilterByPseudonym(t *testing.T) {
	o := transaction.Options{Names: names, Redact: transaction.NewRedactor([]byte("a key"))}
	all := join(four(), at(9000), o, transaction.Filter{})
	c4, c6 := all[0].Client, all[1].Client
	for _, c := range []struct {
		ask  string
		want []string
	}{
		{"mac=" + c4.MAC, []string{"1a2b3c4d", "abcdef"}},
		{"mac=02:00:00:00:00:01", []string{"1a2b3c4d", "abcdef"}},
		{"address=" + c4.Address, []string{"1a2b3c4d"}},
		{"duid=" + c6.DUID, []string{"abcdef"}},
		{"mac=mac-00000000", nil},
	} {
		f, err := transaction.ParseFilter(ask(c.ask))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.want, xids(join(four(), at(9000), o, f))); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.ask, d)
		}
	}
}

// Whatever octets a message has, it can be joined and shown.
func FuzzJoin(f *testing.F) {
	for _, m := range four() {
		f.Add(byte(m.Family), byte(m.Direction), byte(m.Outcome), m.Received, m.Sent)
	}
	f.Add(byte(1), byte(0), byte(0), []byte{12}, []byte{})
	f.Fuzz(func(t *testing.T, family, direction, outcome byte, received, sent []byte) {
		m := asked(0, dhcp4{})
		if direction%2 == 1 {
			m = answered(0, dhcp4{})
		}
		m.Received, m.Sent, m.Family, m.Outcome = received, sent, dhcp.Family(family%2), agent.Reason(int(outcome)%agent.NumReasons)
		tr := join([]recorder.Message{m, m}, at(9000), transaction.Options{Names: names, Redact: transaction.NewRedactor(nil)}, transaction.Filter{})
		for i := range tr {
			draw(t, transaction.Printer{ASCII: true}, tr[i])
		}
	})
}
