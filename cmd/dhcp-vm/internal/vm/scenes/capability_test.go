package scenes

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// granted are the capabilities that deploy/dhcp-relay.service grants.
func granted() []string { return []string{"net_bind_service", "net_raw", "net_admin", "bpf"} }

// TestCapabilities: the daemon with what its unit grants, but for one capability.
// It ends with an error that names what is missing, or loses one function, as the
// README says.
func TestCapabilities(t *testing.T) {
	for _, s := range []scene{
		{"all that the unit grants", func(t *testing.T) { relaysWithout(t, "") }},
		{"without CAP_NET_BIND_SERVICE: refused", func(t *testing.T) {
			newBed(t).refused(without(t, "net_bind_service"), onLAN, "listen on port 67", "this needs CAP_NET_BIND_SERVICE")
		}},
		{"without CAP_NET_RAW: refused", func(t *testing.T) {
			newBed(t).refused(without(t, "net_raw"), onLAN, "CAP_NET_RAW is missing")
		}},
		{"without CAP_NET_ADMIN: relays, with a smaller receive buffer", func(t *testing.T) { relaysWithout(t, "net_admin") }},
		{"without CAP_BPF: relays DHCPv4", func(t *testing.T) { relaysWithout(t, "bpf") }},
		{"without CAP_BPF: relays DHCPv6, the first message without option 79", relays6WithoutBPF},
	} {
		t.Run(s.name, s.play)
	}
}

// without returns a program that starts another one with the granted capabilities
// but for one.
func without(t *testing.T, missing string) []string {
	t.Helper()
	path, err := exec.LookPath("setpriv")
	need(t, "setpriv", err)
	set := "--bounding-set=-all"
	for _, c := range granted() {
		if c != missing {
			set += ",+" + c
		}
	}
	return []string{path, set, "--inh-caps=-all"}
}

func relaysWithout(t *testing.T, missing string) {
	b, h, d := plain(t)
	b.startBy(without(t, missing), onLAN)
	b.login(h, lan(), d)
	b.renew(h, lan(), d)
}

func relays6WithoutBPF(t *testing.T) {
	b := newBed6(t)
	h := b.network6("lan", "", "2001:db8:1::1/64")
	d := b.server6("up", "", "2001:db8:1::1/64")
	b.startBy(without(t, "bpf"), onLAN6)
	b.silence6(h, d)
	_, err := h.Solicit(within(t, patience))
	must(t, err)
	// A Router Solicitation may have told the kernel where the client is.
	told := b.hears6(d.tap, 1)
	want, omitted := `SOLICIT hops 0 link 2001:db8:1::1 peer `+h.Local().String()+` interface-id "lan"`, 1.0
	if len(told) == 1 && strings.Contains(told[0], " mac ") {
		want, omitted = want+" mac "+h.MAC().String(), 0
	}
	if diff := cmp.Diff([]string{want}, told); diff != "" {
		t.Errorf("at the server (-want +got):\n%s", diff)
	}
	b.count("lan", "request solicit", "reply advertise")
	b.balance()
	families, err := b.daemon.scrape()
	must(t, err)
	for _, m := range families["dhcp_relay_option79_omitted_total"].GetMetric() {
		omitted -= m.GetCounter().GetValue()
	}
	if omitted != 0 {
		t.Errorf("dhcp_relay_option79_omitted_total lacks %v", omitted)
	}
	if !strings.Contains(b.daemon.log.String(), "CAP_BPF") {
		t.Error("the log does not name CAP_BPF")
	}
}

// refused starts the daemon, which must end at once and say all that is wanted.
func (b *bed) refused(program []string, config string, want ...string) {
	b.t.Helper()
	file := filepath.Join(b.t.TempDir(), "relay.toml")
	must(b.t, os.WriteFile(file, []byte("control.socket = \"\"\n"+config), 0o600))
	said := &journal{}
	command := append(slices.Clone(program), daemonPath, "run", "--config", file)
	proc, err := b.router.Start(command[0], command[1:], said)
	must(b.t, err)
	select {
	case <-proc.Done():
	case <-time.After(patience):
		b.t.Fatalf("the daemon does not end: %s", said)
	}
	if proc.Wait() == nil {
		b.t.Errorf("the daemon has ended without an error")
	}
	for _, w := range want {
		if !strings.Contains(said.String(), w) {
			b.t.Errorf("the daemon says\n%s\nwant %q in it", said, w)
		}
	}
}
