package check

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"dhcp-relay/relay/agent"
)

// errNoRaw says what is lacking to send frames.
var errNoRaw = errors.New("CAP_NET_RAW is missing")

// Capable reports what the process lacks that would otherwise show only when the
// first reply is to be sent: as an error what DHCPv4 cannot do without, and as lacks
// what bounds DHCPv6. That port 67 needs CAP_NET_BIND_SERVICE is told when it cannot
// be had: some systems let everyone have it.
func Capable(p *agent.Policy) (lacks, err error) {
	has, err := effective()
	if err != nil {
		return nil, fmt.Errorf("look at the capabilities: %w", err)
	}
	if has&(1<<unix.CAP_NET_RAW) != 0 {
		return nil, nil //nolint:nilnil // nothing is lacking
	}
	if slices.ContainsFunc(p.Servers, func(s agent.Server) bool { return s.Addr.Addr().Is4() }) {
		return nil, fmt.Errorf("%w, without which no reply reaches a DHCPv4 client that has no address yet; run as root, or grant it as deploy/dhcp-relay.service does", errNoRaw)
	}
	return errNoRaw, nil
}

// effective returns the effective capabilities as a bit set.
func effective() (uint64, error) {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&head, &data[0]); err != nil {
		return 0, err
	}
	return uint64(data[1].Effective)<<32 | uint64(data[0].Effective), nil
}
