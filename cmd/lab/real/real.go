// Package real runs the DHCP servers and clients that people use, as programs
// in namespaces. It writes their configurations and reads what they leave
// behind; it does not judge them.
package real

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"dhcp-relay/cmd/lab/netns"
)

// ErrMissing says that a program is not installed.
var ErrMissing = errors.New("not installed")

// poll is how often a program's doings are looked at.
const poll = 5 * time.Millisecond

// find returns the path of a program, or an error that wraps ErrMissing and
// names the Debian package.
func find(program, pkg string) (string, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return "", fmt.Errorf("%s: %w: apt-get install %s", program, ErrMissing, pkg)
	}
	return path, nil
}

// CheckServer returns an error that wraps ErrMissing if the kind of server is
// not installed.
func CheckServer(kind string) error {
	k, ok := serverKinds()[kind]
	if !ok {
		return fmt.Errorf("server %q: there are %s", kind, strings.Join(ServerKinds(), ", "))
	}
	_, err := find(k.program, k.pkg)
	return err
}

// CheckClient returns an error that wraps ErrMissing if the kind of client is
// not installed.
func CheckClient(kind string) error {
	k, ok := clientKinds()[kind]
	if !ok {
		return fmt.Errorf("client %q: there are %s", kind, strings.Join(ClientKinds(), ", "))
	}
	_, err := find(k.program, k.pkg)
	return err
}

// await polls until cond holds; it fails when the program ends or ctx is done.
func await(ctx context.Context, p *netns.Proc, out *output, cond func() (bool, error)) error {
	for {
		ok, err := cond()
		if ok || err != nil {
			return err
		}
		select {
		case <-p.Done():
			return fmt.Errorf("the program ended: %w\n%s", errors.Join(p.Wait()), out)
		case <-ctx.Done():
			return fmt.Errorf("%w\n%s", ctx.Err(), out)
		case <-time.After(poll):
		}
	}
}

// listens reports whether a UDP socket of the namespace is bound to the port.
func listens(n *netns.NS, port uint16) (bool, error) {
	var b []byte
	err := n.Do(func() (err error) {
		b, err = os.ReadFile("/proc/thread-self/net/udp")
		return err
	})
	return strings.Contains(string(b), fmt.Sprintf(":%04X ", port)), err
}

// An output keeps what a program prints.
type output struct {
	mu sync.Mutex
	b  strings.Builder
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

// String returns what was printed.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
