package main

import (
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
		if got := nameUnknown(in, name); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
