// Package firewall tells whether this host's own packet filter keeps messages from the
// relay: it reads the ruleset of nftables and plays packets through it. It changes
// nothing, and says nothing of what it does not understand.
package firewall

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"time"
)

// A Packet is one that the relay is to hear, by UDP.
type Packet struct {
	Interface string // by which it comes in
	Src, Dst  netip.AddrPort
	Answers   bool // it answers a packet of this host, as connection tracking sees it
}

// String says what the packet is in words.
func (p Packet) String() string {
	return fmt.Sprintf("UDP port %d from %s", p.Dst.Port(), p.Interface)
}

// ErrUnknown says that the ruleset cannot be read here.
var ErrUnknown = errors.New("the ruleset of nftables is not to be read here")

// patience is how long the program nft may take.
const patience = 5 * time.Second

// Read reads the ruleset of this host, for which it needs to be root and the program
// nft.
func Read(ctx context.Context) (*Ruleset, error) {
	if os.Geteuid() != 0 {
		return nil, ErrUnknown
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "nft", "--json", "list", "ruleset").Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	return Parse(out)
}
