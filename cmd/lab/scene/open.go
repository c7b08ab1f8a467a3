package scene

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"dhcp-relay/cmd/lab/netns"
)

// Node returns the namespace of a node: "relay", "outer", "middle", "s1", "s2",
// or a client such as "a1", whose link is eth0. It is nil if the lab has none of
// this name. The lab closes it.
func (l *Lab) Node(name string) *netns.NS { return l.ns[name] }

// Relay returns the relay under test.
func (l *Lab) Relay() *Relay { return l.relays[relayNode] }

// StopServers ends all servers at once, as if they had died.
func (l *Lab) StopServers() error {
	var errs []error
	for _, s := range l.servers {
		errs = append(errs, s.Close())
	}
	for _, s := range l.servers6 {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// Socket returns the path of the Unix socket on which the relay answers its
// commands.
func (r *Relay) Socket() string { return r.socket }

// Signal sends a signal to the relay's process.
func (r *Relay) Signal(s syscall.Signal) error { return r.proc.Signal(s) }

// Log returns what the relay has printed so far.
func (r *Relay) Log() string { return r.log.String() }

// configure writes the configuration, with the socket that the relay has.
func (r *Relay) configure(config string) error {
	return os.WriteFile(r.file, []byte(fmt.Sprintf("control.socket = %q\nmetrics.clients = true\n", r.socket)+config), 0o600)
}
