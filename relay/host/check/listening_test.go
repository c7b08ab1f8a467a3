package check

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
)

// What keeps a listener from its address is told with what to do about it.
func TestListen(t *testing.T) {
	t.Parallel()
	held, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = held.Close() }()
	at := netip.MustParseAddrPort(held.Addr().String())
	for _, tt := range []struct {
		name            string
		at              netip.AddrPort
		problem, remedy string // beginnings
	}{
		{"a free port", netip.MustParseAddrPort("127.0.0.1:0"), "", ""},
		{"a free port of IPv6 and IPv4", netip.MustParseAddrPort("[::]:0"), "", ""},
		{"no such address", netip.MustParseAddrPort("192.0.2.77:9867"), "this host has no address 192.0.2.77 now", "nothing to do if it is to come later"},
		{"a held port", at, fmt.Sprintf("port %d is held by ", at.Port()), "stop that program"},
	} {
		problem, remedy := Listen(tt.at)
		if !strings.HasPrefix(problem, tt.problem) || !strings.HasPrefix(remedy, tt.remedy) || (tt.problem == "") != (problem == "") {
			t.Errorf("%s: %q, %q", tt.name, problem, remedy)
		}
	}
	if problem, _ := Listen(at); os.Geteuid() == 0 && !strings.Contains(problem, fmt.Sprintf("(pid %d)", os.Getpid())) {
		t.Errorf("the holder is not named: %q", problem)
	}
}
