package explain

import (
	"os"
	"slices"
	"strings"
	"testing"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/config"
)

// TestRulesAreTotal holds the table to the reasons of the core, and to the list
// of requirements.
func TestRulesAreTotal(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../cmd/dhcp-lab/internal/conformance/requirements.tsv")
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string]bool)
	for line := range strings.Lines(string(text)) {
		id, _, _ := strings.Cut(line, "\t")
		known[strings.TrimSpace(id)] = true
	}
	only4 := []agent.Reason{
		agent.BadOp, agent.BadHlen, agent.NoGiaddr, agent.SecsBelow, agent.BootpRefused, agent.UntrustedOption82, agent.Option82Malformed,
		agent.GiaddrSpoof, agent.GiaddrInvalid, agent.GiaddrUntrusted, agent.GiaddrRefused, agent.BogusGiaddr, agent.Option82Mismatch, agent.Leasequery,
	}
	only6 := []agent.Reason{
		agent.NoLinkAddress, agent.PeerInvalid, agent.ServerMessage, agent.UnicastClient, agent.TypeRefused, agent.RelayForwardUntrusted,
		agent.RSOORefused, agent.NoRelayMessage, agent.UnknownLink,
	}
	for n := range agent.NumReasons {
		reason := agent.Reason(n)
		for _, f := range []agent.Family{agent.V4, agent.V6} {
			never := f == agent.V4 && slices.Contains(only6, reason) || f == agent.V6 && slices.Contains(only4, reason)
			for _, d := range []agent.Direction{agent.Requests, agent.Replies} {
				rules := rulesOf(reason, f, d)
				if (rules.RFC == "" || rules.Requirements == nil) != never {
					t.Errorf("%s of %s: %v", reason, f, rules)
				}
				for _, id := range rules.Requirements {
					if !known[id] {
						t.Errorf("%s of %s: there is no requirement %s", reason, f, id)
					}
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
		for _, f := range []agent.Family{agent.V4, agent.V6} {
			for _, key := range droppedBy(agent.Reason(n), f) {
				check(agent.Reason(n).String(), key)
			}
		}
	}
	for code := range 256 {
		check("suboption", settingOf82(byte(code)))
		check("option", settingOf6(uint16(code)))
	}
	for _, key := range requestKeys(&agent.Verdict{Omitted: true}, &agent.Interface{Mode: agent.Hash, Trusted: true, SmartAfter: 1}) {
		check("requests", key)
	}
}
