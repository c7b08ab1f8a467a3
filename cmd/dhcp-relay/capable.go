package main

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// capable reports what the process lacks that would otherwise show only when the
// first reply is to be sent. That port 67 needs CAP_NET_BIND_SERVICE is told when
// it cannot be had: some systems let everyone have it.
func capable() error {
	has, err := effective()
	if err != nil {
		return fmt.Errorf("look at the capabilities: %w", err)
	}
	if has&(1<<unix.CAP_NET_RAW) == 0 {
		return errors.New("CAP_NET_RAW is missing, without which no reply reaches a client that has no address yet; run as root, or grant it as deploy/dhcp-relay.service does")
	}
	return nil
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
