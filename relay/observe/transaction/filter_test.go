package transaction_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/api"
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/observe/transaction"
)

// ask returns a lookup of keys given as "key=value".
func ask(pairs ...string) func(string) string {
	return func(key string) string {
		for _, p := range pairs {
			if k, v, _ := strings.Cut(p, "="); k == key {
				return v
			}
		}
		return ""
	}
}

// four is a lease over DHCPv4, one over DHCPv6, a dropped request and one that
// nobody answers.
func four() []recorder.Message {
	dropped := lost(agent.HopLimit, asked(200, dhcp4{xid: 3, kind: 1, mac: []byte{2, 0, 0, 0, 0, 3}}))
	dropped.Heard = uplink
	dropped.Link = 0
	silent := asked(300, dhcp4{xid: 4, kind: 3, mac: []byte{2, 0, 0, 0, 0, 4}, ciaddr: "10.1.0.44"})
	return append(append(exchange(), exchange6()...), dropped, silent)
}

func xids(ts []api.Transaction) (out []string) {
	for _, t := range ts {
		out = append(out, strings.TrimLeft(t.XID, "0x"))
	}
	return out
}

func TestFilter(t *testing.T) {
	lease, lease6, dropped, silent := "1a2b3c4d", "abcdef", "3", "4"
	for name, c := range map[string]struct {
		ask  []string
		want []string
	}{
		"nothing":                {nil, []string{lease, lease6, dropped, silent}},
		"interface":              {[]string{"interface=vlan10"}, []string{lease, lease6, silent}},
		"interface of servers":   {[]string{"interface=eth0"}, []string{lease, lease6, dropped}},
		"pattern":                {[]string{"interface=vl*"}, []string{lease, lease6, silent}},
		"MAC":                    {[]string{"mac=02:00:00:00:00:01"}, []string{lease, lease6}},
		"MAC with dashes":        {[]string{"mac=02-00-00-00-00-04"}, []string{silent}},
		"MAC with dots":          {[]string{"mac=0200.0000.0004"}, []string{silent}},
		"MAC and family":         {[]string{"mac=02:00:00:00:00:01", "family=6"}, []string{lease6}},
		"DUID":                   {[]string{"duid=00:03:00:01:02:00:00:00:00:01"}, []string{lease6}},
		"address given":          {[]string{"address=10.1.0.100"}, []string{lease}},
		"address had":            {[]string{"address=10.1.0.44"}, []string{silent}},
		"address given by v6":    {[]string{"address=2001:DB8:1::100"}, []string{lease6}},
		"address of datagrams":   {[]string{"address=fe80::c1"}, []string{lease6}},
		"server asked":           {[]string{"server=10.9.0.3"}, []string{lease, silent}},
		"server of v6":           {[]string{"server=2001:db8:9::2"}, []string{lease6}},
		"answered":               {[]string{"outcome=answered"}, []string{lease, lease6}},
		"unanswered":             {[]string{"outcome=unanswered"}, []string{silent}},
		"dropped":                {[]string{"outcome=dropped"}, []string{dropped}},
		"relayed":                {[]string{"outcome=relayed"}, []string{lease, lease6, silent}},
		"a drop reason":          {[]string{"outcome=hop_limit"}, []string{dropped}},
		"a drop reason, no drop": {[]string{"outcome=no_giaddr"}, nil},
		"family":                 {[]string{"family=ipv4"}, []string{lease, dropped, silent}},
		"no transaction":         {[]string{"mac=02:00:00:00:00:01", "server=192.0.2.1"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := transaction.ParseFilter(ask(c.ask...))
			if err != nil {
				t.Fatal(err)
			}
			got := xids(join(four(), at(10_301), transaction.Options{Names: names}, f))
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("transactions (-want +got):\n%s", d)
			}
			some := slices.DeleteFunc(four(), func(m recorder.Message) bool { return !f.MayPass(m.Family, m.Received) })
			got = xids(join(some, at(10_301), transaction.Options{Names: names}, f))
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("transactions of the messages that may pass (-want +got):\n%s", d)
			}
		})
	}
}

func TestMayPassSparesTheOthers(t *testing.T) {
	for name, c := range map[string]struct {
		ask  string
		want int // messages of four
	}{
		"all":              {"outcome=relayed", len(four())},
		"MAC of no client": {"mac=02:00:00:00:00:99", len(exchange6())}, // theirs may be in a DUID
		"a pseudonym":      {"mac=mac-1a2b3c4d", len(four())},
		"family":           {"family=ipv6", len(exchange6())},
	} {
		f, err := transaction.ParseFilter(ask(c.ask))
		if err != nil {
			t.Fatal(err)
		}
		some := slices.DeleteFunc(four(), func(m recorder.Message) bool { return !f.MayPass(m.Family, m.Received) })
		if len(some) != c.want {
			t.Errorf("%s: %d messages may pass, want %d", name, len(some), c.want)
		}
	}
}

func TestParseFilterTellsAllThatIsWrong(t *testing.T) {
	_, err := transaction.ParseFilter(ask("interface=[", "mac=zz", "duid=0", "address=10.1.0", "server=s1", "outcome=lost", "family=5"))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`interface "[": want a name or a pattern such as "vlan*"`, `mac "zz": want an address such as 02:00:00:00:00:01`,
		`duid "0": want octets`, `address "10.1.0": want an address`, `server "s1": want an address such as 10.9.0.2`,
		`outcome "lost": want one of answered, waiting, unanswered, refused, dropped, relayed, short,`, `family "5": want ipv4 or ipv6`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in:\n%v", want, err)
		}
	}
}

func TestLastAreTheLatest(t *testing.T) {
	got := join(four(), at(10_301), transaction.Options{Names: names, Keep: 2}, transaction.Filter{})
	if d := cmp.Diff([]string{"3", "4"}, xids(got)); d != "" {
		t.Errorf("the last two (-want +got):\n%s", d)
	}
}
