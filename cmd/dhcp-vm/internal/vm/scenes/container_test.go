package scenes

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"dhcp-relay/cmd/lab/netns"
)

// TestContainer: veth links into containers, which are namespaces for networks and
// mounts with a root of their own.
func TestContainer(t *testing.T) {
	for _, s := range []scene{
		{"the relay in one, where there is nothing but itself", func(t *testing.T) {
			b, h, d := plain(t)
			b.contained(onLAN)
			b.login(h, lan(), d)
			b.renew(h, lan(), d)
		}},
		{"the relay in one, to which a network is plugged later", pluggedLater},
		{"DHCPv6 by a relay in one", func(t *testing.T) {
			b := newBed6(t)
			h := b.network6("lan", "", "2001:db8:1::1/64")
			d := b.server6("up", "", "2001:db8:1::1/64")
			b.contained(onLAN6)
			b.login6(h, lan6(), d)
		}},
	} {
		t.Run(s.name, s.play)
	}
}

// contained starts the daemon in a container.
func (b *bed) contained(config string) {
	b.t.Helper()
	path, err := exec.LookPath("unshare")
	need(b.t, "unshare", err)
	root := b.t.TempDir()
	program, err := os.ReadFile(daemonPath)
	must(b.t, err, os.MkdirAll(filepath.Join(root, "proc"), 0o755), os.WriteFile(filepath.Join(root, "dhcp-relay"), program, 0o755))
	b.launch(config, root, []string{path, "--mount", "--root=" + root, "--mount-proc", "/dhcp-relay"})
}

// pluggedLater gives the container's client network its veth link while the relay
// runs, from a namespace that stands for the host of the container.
func pluggedLater(t *testing.T) {
	b := newBed(t)
	d := b.server("up", "", "10.9.0.1/24", "10.9.0.2", "10.1.0.1/24")
	b.contained(onLAN)
	outside := netns.Test(t, "host", netns.WithoutIPv6())
	must(t, netns.Veth(outside, "port", b.router, "lan"), b.router.Addr("lan", "10.1.0.1/24"))
	h := b.client(outside, "port")
	b.follows(h, "lan is plugged")
	b.login(h, lan(), d)
}
