package scenes

import (
	"os"
	"strings"
	"testing"
)

// on skips a test that is for one kind of virtual machine.
func on(t *testing.T, names ...string) {
	t.Helper()
	for _, n := range names {
		if os.Getenv("RELAY_VM") == n {
			return
		}
	}
	t.Skipf("SKIPPED, not shown here: this is for the virtual machines %s of dhcp-vm", strings.Join(names, ", "))
}

// TestMachineNoIPv6: the kernel has no IPv6. That DHCPv4 works is shown by the
// scenes that are played on each machine.
func TestMachineNoIPv6(t *testing.T) {
	on(t, "no-ipv6")
	for _, s := range []scene{
		{"the kernel has none", func(t *testing.T) {
			if _, err := os.Stat("/proc/net/if_inet6"); err == nil {
				t.Error("/proc/net/if_inet6 exists")
			}
		}},
		{"a configuration with DHCPv6 is refused, with the reason", refusedWithoutIPv6},
	} {
		t.Run(s.name, s.play)
	}
}

func refusedWithoutIPv6(t *testing.T) {
	b := newBed(t)
	b.refused(nil, onLAN+"[[interface]]\nname = \"lan6\"\nservers = [\"2001:db8:9::2\"]\n",
		"listen on port 547", "this kernel has no IPv6")
}

// TestMachineLockdown: a kernel that keeps even root from changing it
// (integrity), or from reading it, too (confidentiality).
func TestMachineLockdown(t *testing.T) {
	on(t, "integrity", "confidentiality")
	for _, s := range []scene{
		{"the kernel is locked down", func(t *testing.T) {
			mode, err := os.ReadFile("/sys/kernel/security/lockdown")
			must(t, err)
			if want := "[" + os.Getenv("RELAY_VM") + "]"; !strings.Contains(string(mode), want) {
				t.Errorf("mode %q, want %s", mode, want)
			}
		}},
		{"option 79 is in the first Solicit", only6},
		{"clients of two VLANs on one trunk", vlans6},
	} {
		t.Run(s.name, s.play)
	}
}

// TestBPF: settings of the kernel for BPF programs.
func TestBPF(t *testing.T) {
	for _, s := range []struct{ name, key, value string }{
		{"JIT off, DHCPv4", "net/core/bpf_jit_enable", "0"},
		{"unprivileged programs disabled, DHCPv4", "kernel/unprivileged_bpf_disabled", "2"},
	} {
		t.Run(s.name, func(t *testing.T) {
			kernelWide(t, s.key, s.value)
			b, h, d := plain(t)
			b.start(onLAN)
			b.login(h, lan(), d)
			b.renew(h, lan(), d)
		})
		t.Run(strings.Replace(s.name, "DHCPv4", "DHCPv6 with option 79 in the first Solicit", 1), func(t *testing.T) {
			kernelWide(t, s.key, s.value)
			only6(t)
		})
	}
}

// kernelWide sets what is the same in all namespaces, until the test's end. It
// does so only in a machine of its own.
func kernelWide(t *testing.T, key, value string) {
	t.Helper()
	on(t, "plain")
	file := "/proc/sys/" + key
	was, err := os.ReadFile(file)
	must(t, err, os.WriteFile(file, []byte(value), 0o644))
	t.Cleanup(func() { must(t, os.WriteFile(file, was, 0o644)) })
}
