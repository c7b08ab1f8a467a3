package trouble

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/daemon"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// asked names the servers that a relay with a past has asked, in the environment.
const asked = "RELAY_TEST_ASKED"

// past is how long that was, with perMinute transactions on each link.
const (
	past      = time.Hour
	perMinute = 60
)

// runOld is the program dhcp-relay run, with an hour of good history. The daemon is
// the real one, in a process and namespace of its own. What it has counted in that
// hour is counted before it starts, on the same tables, and read once a minute by the
// same windows, as if time had passed. What the relay knows of servers beside counts
// reaches some seconds back; the test makes it with real messages before the fault.
func runOld(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	o := daemon.Options{File: args[len(args)-1], Version: "test", Stderr: os.Stderr, Past: remember}
	if err := daemon.Run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// remember makes the hour.
func remember(t *count.Table, r *count.Recent) time.Time {
	now := time.Now()
	for ago := past; ago > 0; ago -= time.Minute {
		for server := range strings.FieldsSeq(os.Getenv(asked)) {
			at := netip.MustParseAddrPort(server)
			for _, link := range []string{"clients-a", "clients-b"} {
				for range perMinute {
					served(t, link, at)
				}
			}
		}
		r.Read(now.Add(-ago), t, nil)
	}
	return now.Add(-past)
}

// served counts a request and its answer.
func served(t *count.Table, link string, at netip.AddrPort) {
	f := dhcp.FamilyOf(at.Addr())
	request, reply := uint8(bootp.Discover), uint8(bootp.Offer)
	if f == dhcp.V6 {
		request, reply = uint8(dhcp6.Solicit), uint8(dhcp6.Advertise)
	}
	t.Received(f).Add(2)
	l := t.Link(link)
	l.Count(f, dhcp.Requests, request, agent.Relayed)
	l.Count(f, dhcp.Replies, reply, agent.Relayed)
	l.Expected(f)
	l.Answered(f)
	s := t.Server(at, "")
	s.Sent()
	s.Replied()
	s.Answered(time.Millisecond)
}
