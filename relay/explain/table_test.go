package explain

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/config"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

// TestRulesAreTotal holds the table to the reasons of the core, and to words that
// an operator can look up.
func TestRulesAreTotal(t *testing.T) {
	t.Parallel()
	private := regexp.MustCompile(`R-?[A-Z0-9]+-[0-9]|\bT[0-9]`)
	only4 := []agent.Reason{
		agent.BadOp, agent.BadHlen, agent.NoGiaddr, agent.SecsBelow, agent.BootpRefused, agent.UntrustedOption82, agent.Option82Malformed,
		agent.GiaddrSpoof, agent.GiaddrInvalid, agent.GiaddrUntrusted, agent.GiaddrRefused, agent.BogusGiaddr, agent.Option82Mismatch, agent.Leasequery,
	}
	only6 := []agent.Reason{
		agent.NoLinkAddress, agent.PeerInvalid, agent.ServerMessage, agent.UnicastClient, agent.RelayForwardUntrusted,
		agent.RSOORefused, agent.NoRelayMessage, agent.UnknownLink, agent.RelayReplyRefused,
	}
	for n := range agent.NumReasons {
		reason := agent.Reason(n)
		for _, f := range []dhcp.Family{dhcp.V4, dhcp.V6} {
			never := f == dhcp.V4 && slices.Contains(only6, reason) || f == dhcp.V6 && slices.Contains(only4, reason)
			for _, d := range []dhcp.Direction{dhcp.Requests, dhcp.Replies} {
				rules := rulesOf(reason, f, d)
				if (rules.String() == "") != never {
					t.Errorf("%s of %s: %v", reason, f, rules)
				}
				if private.MatchString(rules.String()) {
					t.Errorf("%s of %s: %q names what no reader knows", reason, f, rules)
				}
			}
		}
	}
}

// TestSettingsExist looks up each key that a decision can rest on.
func TestSettingsExist(t *testing.T) {
	t.Parallel()
	keys := map[string]bool{"name": true}
	for _, k := range config.Keys() {
		keys[strings.TrimPrefix(strings.TrimPrefix(k.Table, "defaults")+"."+k.Name, ".")] = true
	}
	check := func(who, key string) {
		if key != "" && !keys[key] {
			t.Errorf("%s: there is no key %s", who, key)
		}
	}
	for n := range agent.NumReasons {
		for _, f := range []dhcp.Family{dhcp.V4, dhcp.V6} {
			for _, key := range strings.Fields(agent.Reason(n).Doc().Settings[f]) {
				check(agent.Reason(n).String(), key)
			}
		}
	}
	for code := range 256 {
		check("suboption", agent.SuboptionKey(byte(code)))
		check("option", settingOf6(uint16(code)))
	}
	for _, key := range requestKeys(&agent.Verdict{Omitted: true}, true, &agent.Interface{NextAfter: 1, Trusted: true, V4: agent.Interface4{SmartAfter: 1}}) {
		check("requests", key)
	}
}

// What this relay can send has a name, and each key of option 82 sends something.
func TestSuboptionsAreWhole(t *testing.T) {
	t.Parallel()
	sends := make(map[string]bool)
	for code := range 256 {
		key := agent.SuboptionKey(byte(code))
		sends[key] = true
		if key != "" && bootp.SubName(byte(code)) == "suboption" {
			t.Errorf("suboption %d of %s has no name", code, key)
		}
	}
	for _, k := range config.Keys() {
		table := strings.TrimPrefix(strings.TrimPrefix(k.Table, "defaults."), "interface.")
		if key := table + "." + k.Name; table == "dhcpv4.option82" && k.Name != "mismatch" && k.Name != "preset" && !sends[key] {
			t.Errorf("%s sends no suboption", key)
		}
	}
}
