package udp

import (
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"dhcp-relay/relay/wire/dhcp"
)

// The places of the two sockets in their SO_REUSEPORT group, in order of bind.
const (
	placeRequests = 0
	placeReplies  = 1
)

// What the first octet of a reply is.
const (
	bootReply  = 2  // op BOOTREPLY (RFC 951, section 3)
	relayReply = 13 // RELAY-REPL (RFC 9915, section 7.3)
)

// udpHeader is the length of a UDP header, which a socket filter sees before the
// payload and a group's program does not.
const udpHeader = 8

// all is the number of octets that a filter lets through.
const all = 0xffffffff

// replyOctet returns the first octet of a reply.
func replyOctet(f dhcp.Family) uint32 {
	if f == dhcp.V6 {
		return relayReply
	}
	return bootReply
}

// pick returns a program that yields isReply for a payload whose first octet
// says reply, and otherwise for any other, empty ones included. off is where
// the payload begins.
func pick(off uint32, reply, isReply, otherwise uint32) []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtLen},
		// A load beyond the end would end the program with 0.
		bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: off, SkipFalse: 3},
		bpf.LoadAbsolute{Off: off, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: reply, SkipFalse: 1},
		bpf.RetConstant{Val: isReply},
		bpf.RetConstant{Val: otherwise},
	}
}

// steer picks the socket of the group for a unicast.
func steer(f dhcp.Family) []bpf.Instruction {
	return pick(0, replyOctet(f), placeReplies, placeRequests)
}

// onlyReplies lets through what steer gives to Replies, which matters for
// broadcasts: the kernel clones them to each socket.
func onlyReplies(f dhcp.Family) []bpf.Instruction {
	return pick(udpHeader, replyOctet(f), all, 0)
}

// noReplies lets through what steer gives to Requests.
func noReplies(f dhcp.Family) []bpf.Instruction {
	return pick(udpHeader, replyOctet(f), 0, all)
}

// nothing lets nothing through.
func nothing() []bpf.Instruction {
	return []bpf.Instruction{bpf.RetConstant{Val: 0}}
}

// attach gives a program to a socket; opt is SO_ATTACH_FILTER or
// SO_ATTACH_REUSEPORT_CBPF.
func attach(fd, opt int, is []bpf.Instruction) error {
	raw, err := bpf.Assemble(is)
	if err != nil {
		return err
	}
	prog := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		prog[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, opt, &unix.SockFprog{
		Len: uint16(len(prog)), Filter: &prog[0],
	})
}
