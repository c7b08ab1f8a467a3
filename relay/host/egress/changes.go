package egress

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// rest is how long changes may gather after one was told. Where a whole table of
// routes comes, as from BGP, most of them are never looked at.
const rest = 50 * time.Millisecond

// Changes is a subscription to what may change which devices datagrams leave by and
// what those can do: links, which the kernel also tells of when a feature changes,
// routes, next hops and rules. The zero value is not usable.
type Changes struct {
	file *os.File
	raw  syscall.RawConn
}

// Subscribe subscribes to the changes of this network namespace.
func Subscribe() (*Changes, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	file := os.NewFile(uintptr(fd), "netlink")
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, errors.Join(os.NewSyscallError("bind", err), file.Close())
	}
	for _, group := range []int{
		unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE,
		unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE, unix.RTNLGRP_NEXTHOP,
	} {
		err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group)
		if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) { // a kernel without
			return nil, errors.Join(fmt.Errorf("subscribe to routes and links: %w", err), file.Close())
		}
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &Changes{file, raw}, nil
}

// Run calls changed after each change, until ctx ends; what changes within 50 ms
// thereafter is one change. It closes the subscription and can be called once.
func (c *Changes) Run(ctx context.Context, changed func()) {
	defer func() { _ = c.file.Close() }()
	defer context.AfterFunc(ctx, func() { _ = c.file.Close() })() // ends a read that waits
	var b [64]byte                                                // what it says does not matter
	for c.raw.Read(func(fd uintptr) bool { return drain(fd, b[:]) }) == nil {
		changed()
		select {
		case <-ctx.Done():
			return
		case <-time.After(rest):
		}
	}
}

// Close ends a subscription that Run was not called for.
func (c *Changes) Close() { _ = c.file.Close() }

// most bounds what is read at once: of a flood of changes the rest is lost, and that
// is one more change.
const most = 256

// drain reads what there is and reports whether that was anything. It takes an
// overflow for something.
func drain(fd uintptr, b []byte) (some bool) {
	for range most {
		_, _, err := unix.Recvfrom(int(fd), b, unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EAGAIN) {
			return some
		}
		if !errors.Is(err, unix.EINTR) {
			some = true
		}
	}
	return true
}
