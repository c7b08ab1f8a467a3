package clientmac

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
)

// without takes capabilities from the calling thread.
func without(t *testing.T, caps ...uint) {
	t.Helper()
	h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var d [2]unix.CapUserData
	if err := unix.Capget(&h, &d[0]); err != nil {
		t.Error(err)
	}
	for _, c := range caps {
		d[c/32].Effective &^= 1 << (c % 32)
	}
	if err := unix.Capset(&h, &d[0]); err != nil {
		t.Error(err)
	}
}

const privileged = "/proc/sys/kernel/unprivileged_bpf_disabled"

func TestCapabilities(t *testing.T) {
	needTable(t, logSets)
	disabled, err := os.ReadFile(privileged)
	netns.Need(t, privileged, err)
	admin := []uint{unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN, unix.CAP_PERFMON, unix.CAP_SYS_RESOURCE}
	for _, tc := range []struct {
		name  string
		drop  []uint
		works bool
	}{
		{"CAP_BPF alone", admin, true},
		{"none", append(admin, unix.CAP_BPF), strings.TrimSpace(string(disabled)) == "0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newSpace(t)
			w := r.cable("client0")
			c := r.relay("", w.link)
			r.Do(func() error {
				without(t, tc.drop...)
				table, err := New()
				if !tc.works {
					if !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), "CAP_BPF") {
						t.Errorf("error is %v, not that CAP_BPF is missing", err)
					}
					return nil
				}
				if err != nil {
					return err
				}
				defer func() { _ = table.Close() }()
				s, err := table.Attach(c.SyscallConn())
				if err != nil {
					return err
				}
				w.send(nth(1).solicit())
				if diff := cmp.Diff([]seen{{nth(1).mac, true}}, look(t, c, s, 1)); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
				return nil
			})
		})
	}
}

func TestAttachToClosed(t *testing.T) {
	r := newSpace(t)
	c := r.relay("")
	table := needTable(t, logSets)
	r.Must(c.Close())
	if s, err := table.Attach(c.SyscallConn()); err == nil {
		t.Errorf("got %v, want an error", s)
	}
}
