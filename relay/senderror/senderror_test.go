package senderror_test

import (
	"strings"
	"syscall"
	"testing"

	"dhcp-relay/relay/senderror"
)

func TestDoc(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		towards string
		err     syscall.Errno
		what    string
		remedy  string
	}{
		{"route", "server", syscall.ENETUNREACH, "no route to the server", "Add a route"},
		{"firewall before servers", "server", syscall.EPERM, "firewall drops what the relay sends to the server", "ports 67 and 547"},
		{"firewall before clients", "client", syscall.EPERM, "firewall drops what the relay sends to clients", "ports 68 and 546"},
		{"the same towards both", "client", syscall.ENETDOWN, "interface to send on is down", "ip link set"},
		{"a full neighbour table may be the cause", "server", syscall.EINVAL, "neighbour table is full", "dmesg"},
		{"no words for it", "server", syscall.ENOTTY, "the error ENOTTY", "dmesg"},
		{"no name for it", "server", syscall.Errno(9999), "the error 9999", "dmesg"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			what, remedy := senderror.Doc(c.towards, senderror.Name(c.err))
			if !strings.Contains(what, c.what) || !strings.Contains(remedy, c.remedy) {
				t.Errorf("got %q, %q; want %q, %q in it", what, remedy, c.what, c.remedy)
			}
			if strings.HasSuffix(what, ".") || !strings.HasSuffix(remedy, ".") {
				t.Errorf("got %q, %q; want the full stop after the remedy only", what, remedy)
			}
		})
	}
}
