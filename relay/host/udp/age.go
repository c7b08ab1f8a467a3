package udp

import (
	"time"

	"golang.org/x/sys/unix"
)

// handover is how long a restart may take whose time is not held against what waits
// in the sockets meanwhile: it waits for a reader, not for its turn.
const handover = 30 * time.Second

// stampArrivals has the kernel tell when each datagram arrived. Before Linux 5.1 it
// cannot be asked so, and no age is known. Once any socket of the host asks, as that
// of an NTP client does, the kernel reads the clock for each packet that the host
// receives.
func stampArrivals(fd int) {
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW, 1)
}

// Ages are what is known of how long datagrams wait in a socket. The time of arrival
// is by the host's clock, which may be set; that no datagram is older than the moment
// at which nothing waited is by one that is not.
type ages struct {
	since time.Time // nothing waited then, or nobody had read yet; zero: nobody has
	known bool      // nothing waited, or a read has had to wait
}

// begin comes before each read.
func (a *ages) begin() {
	if a.since.IsZero() {
		a.since = time.Now()
	}
}

// emptied says that nothing waits now.
func (a *ages) emptied(now time.Time) { a.since, a.known = now, true }

// of returns the age of a datagram with n octets of control messages. Until all is read
// that waited for the first read, as for a restart, what came before that has no age,
// unless it or that takes longer than a restart does.
func (a *ages) of(c *control, n int, now time.Time) time.Duration {
	at, known := c.arrival(n)
	if !known {
		return 0
	}
	age := max(0, now.Sub(at))
	switch {
	case a.known:
		return min(age, now.Sub(a.since))
	case age <= now.Sub(a.since), age > handover, now.Sub(a.since) > handover:
		return age
	}
	return 0
}
