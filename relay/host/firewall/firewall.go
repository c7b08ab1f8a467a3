// Package firewall tells whether this host's own packet filter keeps messages from the
// relay: it reads the rules of nftables and iptables-legacy and plays packets through
// them. It changes nothing, and says nothing of what it does not understand.
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
var ErrUnknown = errors.New("the rules of the firewall are not to be read here")

// patience is how long the programs may take.
const patience = 5 * time.Second

// Read reads the rules of this host, for which it needs to be root, and the program nft
// or iptables-legacy-save and ip6tables-legacy-save.
func Read(ctx context.Context) (*Ruleset, error) {
	if os.Geteuid() != 0 {
		return nil, ErrUnknown
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r := &Ruleset{}
	out, err := exec.CommandContext(ctx, "nft", "--json", "list", "ruleset").Output()
	if err == nil {
		r, err = Parse(out)
	}
	if err != nil {
		r, err = &Ruleset{}, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	// Where one of these is not installed, or fails, its rules are not known.
	if saved, err := exec.CommandContext(ctx, legacy4+"-save").Output(); err == nil {
		r.AddLegacy4(saved)
	}
	if saved, err := exec.CommandContext(ctx, legacy6+"-save").Output(); err == nil {
		r.AddLegacy6(saved)
	}
	if len(r.chains) > 0 {
		return r, nil
	}
	return r, err
}
