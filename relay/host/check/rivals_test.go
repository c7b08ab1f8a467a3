package check

import (
	"net/netip"
	"os"
	"testing"

	"dhcp-relay/relay/host/udp"
)

// Who may look at more processes than the daemon names those that it could not.
func TestUnknownProcessesAreNamed(t *testing.T) {
	t.Parallel()
	name := func(hs []udp.Holder) {
		if hs[0].Inode == 4711 {
			hs[0].PID, hs[0].Command = 95, "dhcrelay"
		}
	}
	for in, want := range map[string]string{
		"":                  "",
		"Nothing is wrong.": "Nothing is wrong.",
		"x: " + udp.Holder{Inode: 4711}.Who() + " on 0.0.0.0:67; y":                         "x: dhcrelay (pid 95) on 0.0.0.0:67; y",
		udp.Unknown(4712) + ", " + udp.Unknown(4711):                                        "an unknown process (socket 4712), dhcrelay (pid 95)",
		"an unknown process (socket x) and " + udp.Unknown(4711) + ", " + udp.Unknown(4711): "an unknown process (socket x) and dhcrelay (pid 95), dhcrelay (pid 95)",
	} {
		if got := NameUnknown(in, name); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// The unit's check takes for the daemon's own what systemd may hold for it, and not
// what a stranger has, whom it cannot name either.
func TestStoredSocketsAreNoRivals(t *testing.T) {
	own := uint32(os.Geteuid())
	for _, tc := range []struct {
		name, addr, command, invocation string
		pid                             int
		uid                             uint32
		want                            bool
	}{
		{"systemd has it", "0.0.0.0:67", "systemd", "", 1, own, true},
		{"unknown, in a unit", "0.0.0.0:67", "", "4a7", 0, own, true},
		{"unknown, of DHCPv6", "[::]:547", "", "4a7", 0, own, true},
		{"unknown, elsewhere", "0.0.0.0:67", "", "", 0, own, false},
		{"of another user", "0.0.0.0:67", "", "4a7", 0, own + 1, false},
		{"bound to an address", "10.1.0.1:67", "", "4a7", 0, own, false},
		{"known", "0.0.0.0:67", "dhcpd", "4a7", 812, own, false},
		{"the first process of a container", "0.0.0.0:67", "dnsmasq", "4a7", 1, own, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv("INVOCATION_ID", tc.invocation)
			r := Rival{Holder: udp.Holder{Addr: netip.MustParseAddrPort(tc.addr), PID: tc.pid, Command: tc.command, UID: tc.uid}}
			if got := stored(&r); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}
