package deploytest

import (
	"bytes"
	"context"
	"net/netip"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/client"
	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/server"
)

// patient is how long a test waits for what must come.
const patient = time.Minute

// routerConfig is what the configuration of a router in these tests is.
const routerConfig = "[[interface]]\nname = \"lan0\"\nservers = [\"10.9.0.2\"]\n"

// A bed is a router with a client on one side and a DHCP server on the other.
type bed struct {
	t              *testing.T
	router, client *netns.NS
}

func newBed(t *testing.T) *bed {
	t.Helper()
	netns.Require(t)
	b := &bed{t: t, router: netns.Test(t, "router"), client: netns.Test(t, "client")}
	far := netns.Test(t, "server")
	for _, err := range []error{
		netns.Veth(b.router, "lan0", b.client, "eth0"), netns.Veth(b.router, "up0", far, "eth0"),
		b.router.Addr("lan0", "10.1.0.1/24"), b.router.Addr("up0", "10.9.0.1/24"), far.Addr("eth0", "10.9.0.2/24"),
		far.Route("10.1.0.0/24", "10.9.0.1"), b.router.Forward(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := server.Start(far, "eth0", server.Config{ID: netip.MustParseAddr("10.9.0.2"), Subnets: []server.Subnet{{
		Prefix: netip.MustParsePrefix("10.1.0.0/24"),
		First:  netip.MustParseAddr("10.1.0.100"), Last: netip.MustParseAddr("10.1.0.200"),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return b
}

// output is what a program says, while it runs.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// run starts the relay with a command in the router, where it stays until the
// returned function is called.
func (b *bed) run(cmd *exec.Cmd) (said *output, stop func()) {
	b.t.Helper()
	said = &output{}
	cmd.Stdout, cmd.Stderr = said, said
	p, err := b.router.StartCmd(cmd)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(p.Stop)
	deadline := time.After(patient)
	for !strings.Contains(said.String(), "relaying") {
		select {
		case <-p.Done():
			b.t.Fatalf("the relay ended: %v\n%s", p.Wait(), said)
		case <-deadline:
			b.t.Fatalf("the relay does not start:\n%s", said)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return said, p.Stop
}

// login has the client get an address.
func (b *bed) login(said *output) {
	b.t.Helper()
	c, err := client.New(b.client, "eth0", client.Config{Scale: 0.2, Tries: 8})
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(b.t.Context(), patient)
	defer cancel()
	lease, err := c.Login(ctx)
	if err != nil {
		b.t.Fatalf("%v; the relay says:\n%s", err, said)
	}
	b.t.Logf("lease %v from %v", lease.Addr, lease.Server)
}
