package senderror

import (
	"strings"
	"syscall"
	"testing"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		towards Towards
		err     syscall.Errno
		what    string
		remedy  string
	}{
		{"route", Servers, syscall.ENETUNREACH, "no route to the server", "Add a route"},
		{"firewall before servers", Servers, syscall.EPERM, "firewall drops what the relay sends to the server", "ports 67 and 547"},
		{"firewall before clients", Clients, syscall.EPERM, "firewall drops what the relay sends to clients", "ports 68 and 546"},
		{"the same towards both", Clients, syscall.ENETDOWN, "interface to send on is down", "ip link set"},
		{"a full neighbour table may be the cause", Servers, syscall.EINVAL, "neighbour table is full", "dmesg"},
		{"no words for it", Servers, syscall.ENOTTY, "the error ENOTTY", "dmesg"},
		{"no name for it", Servers, syscall.Errno(9999), "the error 9999", "dmesg"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			what, remedy := Explain(c.towards, c.err)
			if !strings.Contains(what, c.what) || !strings.Contains(remedy, c.remedy) {
				t.Errorf("got %q, %q; want %q, %q in it", what, remedy, c.what, c.remedy)
			}
		})
	}
}

// What is forgotten in a row is named here.
func TestEachErrorIsExplained(t *testing.T) {
	t.Parallel()
	names := make(map[string]Error)
	for e := range Error(NumErrors) {
		if was, twice := names[e.String()]; twice || e.String() == "" {
			t.Errorf("error %d has the name %q, as %d has", e, e, was)
		}
		names[e.String()] = e
		if n := rows[e].errno; n != 0 && Name(n) != e.String() {
			t.Errorf("%s is of %s", e, Name(n))
		}
		for to := range Towards(NumTowards) {
			what, remedy := e.Doc(to)
			if what == "" || strings.HasSuffix(what, ".") || !strings.HasSuffix(remedy, ".") {
				t.Errorf("%s towards a %s: got %q, %q; want words, with the full stop after the remedy only", e, to, what, remedy)
			}
		}
	}
}

func TestOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		errno syscall.Errno
		want  Error
	}{
		{syscall.ENETUNREACH, ENETUNREACH},
		{syscall.EPERM, EPERM},
		{syscall.EACCES, EACCES},
		{syscall.ENOTTY, Other},
		{0, Other},
	} {
		if got := Of(c.errno); got != c.want {
			t.Errorf("errno %d is %s, want %s", c.errno, got, c.want)
		}
	}
}

func TestTowardsIsText(t *testing.T) {
	t.Parallel()
	for want := range Towards(NumTowards) {
		b, _ := want.MarshalText()
		var got Towards
		if err := got.UnmarshalText(b); err != nil || got != want {
			t.Errorf("%s is %v, %v", b, got, err)
		}
	}
	if new(Towards).UnmarshalText([]byte("relay")) == nil {
		t.Error("an unknown side is taken")
	}
}
