// Package senderror says what the kernel's errors mean when it refuses to send, and
// what an operator can do about them. It knows words only.
package senderror

import (
	"fmt"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// An Error is a reason for which the kernel refuses to send. The list is closed.
type Error uint8

// The errors that sending by UDP or by a packet socket is known to give. Of a full
// neighbour table its own count tells: the error is EINVAL in IPv6, ENOBUFS in IPv4.
const (
	Other Error = iota // none of the others
	EACCES
	EADDRNOTAVAIL
	EAFNOSUPPORT
	EAGAIN
	EBADF
	ECONNREFUSED
	EHOSTDOWN
	EHOSTUNREACH
	EINVAL
	EIO
	EMFILE
	EMSGSIZE
	ENETDOWN
	ENETUNREACH
	ENFILE
	ENOBUFS
	ENODEV
	ENOMEM
	ENXIO
	EPERM
	NeighboursFull4
	NeighboursFull6
	NumErrors = int(iota)
)

// Towards says to whom a message was to be sent.
type Towards uint8

// The sides.
const (
	Servers Towards = iota
	Clients
	NumTowards = int(iota)
)

// String returns the name that metrics and JSON have.
func (t Towards) String() string { return [NumTowards]string{"server", "client"}[t] }

// MarshalText implements encoding.TextMarshaler.
func (t Towards) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Towards) UnmarshalText(b []byte) error {
	for i := range Towards(NumTowards) {
		if i.String() == string(b) {
			*t = i
			return nil
		}
	}
	return fmt.Errorf("%q is neither server nor client", b)
}

// A word is what an error of the kernel means, and what to do: a sentence without its
// full stop, and one with it.
type word struct{ what, remedy string }

// A row is what is known of one Error.
type row struct {
	name             string
	errno            syscall.Errno // 0: it is told by something else
	anyone           word
	servers, clients word // where they are more exact than anyone
}

var rows = [NumErrors]row{
	Other: {
		name:   "other",
		anyone: word{"The kernel refused to send, for a reason that is not told apart", "Look into the kernel's log (dmesg)."},
	},
	EACCES: {
		name: "EACCES", errno: syscall.EACCES,
		anyone:  word{"The kernel forbids sending there", "Look for a route of type prohibit, or a security module."},
		servers: word{"The route to the server forbids sending, or its address is a broadcast address", "Correct the server's address, or the route of type prohibit."},
	},
	EADDRNOTAVAIL: {
		name: "EADDRNOTAVAIL", errno: syscall.EADDRNOTAVAIL,
		servers: word{"The source address towards the servers is none of this host's", "Correct source in the [[interface]], or add the address to an interface."},
		clients: word{"The address from which to answer the clients has gone", "Give the interface its address back; the next message uses what is there then."},
	},
	EAFNOSUPPORT: {
		name: "EAFNOSUPPORT", errno: syscall.EAFNOSUPPORT,
		anyone: word{"The kernel has no support for this address family", "Enable IPv6 (net.ipv6.conf.all.disable_ipv6 = 0), or remove the addresses of that family."},
	},
	EAGAIN: {
		name: "EAGAIN", errno: syscall.EAGAIN,
		anyone:  word{"The send queue of the interface is full", "Look for an interface that is too slow or stuck (ip -s link, tc -s qdisc)."},
		clients: word{"The queue of the clients' interface is full, so its replies are dropped and those to others go on", "Look which interface is too slow or stuck (ip -s link, tc -s qdisc), and whether a client there asks too fast (dhcp-relay trace)."},
	},
	EBADF: {
		name: "EBADF", errno: syscall.EBADF,
		anyone: word{"A socket was closed while a message was to be sent", "Nothing, if it happened once at a reload."},
	},
	ECONNREFUSED: {
		name: "ECONNREFUSED", errno: syscall.ECONNREFUSED,
		anyone:  word{"The receiver answers that nothing listens on the port", "Check the receiver."},
		servers: word{"The server's host answers that nothing listens on the DHCP port", "Start the DHCP server there, or correct its address."},
	},
	EHOSTDOWN: {
		name: "EHOSTDOWN", errno: syscall.EHOSTDOWN,
		anyone: word{"The receiver's host is down", "Check the receiver."},
	},
	EHOSTUNREACH: {
		name: "EHOSTUNREACH", errno: syscall.EHOSTUNREACH,
		servers: word{"The server or the next router does not answer to ARP or neighbour discovery, or the route says unreachable", "Check the way to the server (ip route get, ip neigh), and that it is up."},
		clients: word{"The client does not answer to ARP or neighbour discovery", "Look whether the client is still attached."},
	},
	EINVAL: {
		name: "EINVAL", errno: syscall.EINVAL,
		anyone:  word{"The kernel found the addresses of the message invalid, or its IPv6 neighbour table is full", "Check the addresses of the interface, and whether dmesg says that the neighbour table overflows."},
		servers: word{"The kernel found no way to send to the server from this address, or its IPv6 neighbour table is full", "Check that source and server belong to the same VRF and scope, and whether dmesg says that the neighbour table overflows."},
	},
	EIO: {
		name: "EIO", errno: syscall.EIO,
		anyone: word{"The device failed to send", "Look into the kernel's log (dmesg) for the device's driver."},
	},
	EMFILE: {
		name: "EMFILE", errno: syscall.EMFILE,
		anyone: word{"The process may have no more open files, and needs one more to send", "Raise LimitNOFILE in the service's unit, or ulimit -n: the relay needs 64, and one for each interface with clients."},
	},
	EMSGSIZE: {
		name: "EMSGSIZE", errno: syscall.EMSGSIZE,
		servers: word{"The message is larger than the MTU towards the server", "Raise the MTU on the way, or set max_message_size or shorter identifiers."},
		clients: word{"The reply is larger than the MTU of the client's interface", "Raise the interface's MTU, or have the server send fewer options."},
	},
	ENETDOWN: {
		name: "ENETDOWN", errno: syscall.ENETDOWN,
		anyone: word{"The interface to send on is down", "Bring it up (ip link set)."},
	},
	ENETUNREACH: {
		name: "ENETUNREACH", errno: syscall.ENETUNREACH,
		servers: word{"There is no route to the server", "Add a route, or a default route, in the VRF of the server; ip route get shows what is there."},
		clients: word{"There is no route to the client", "Check the addresses and routes of the client's interface."},
	},
	ENFILE: {
		name: "ENFILE", errno: syscall.ENFILE,
		anyone: word{"This host may have no more open files, and the relay needs one more to send", "Raise fs.file-max, and look which process has so many files open."},
	},
	ENOBUFS: {
		name: "ENOBUFS", errno: syscall.ENOBUFS,
		anyone: word{"The send queue of the interface is full", "Look for an interface that is too slow or stuck (ip -s link, tc -s qdisc)."},
	},
	ENODEV: {
		name: "ENODEV", errno: syscall.ENODEV,
		anyone:  word{"The interface to send on does not exist now", "Bring it back."},
		servers: word{"The interface or the VRF that leads to the server does not exist now", "Bring it back, or correct vrf in the [[server]]."},
		clients: word{"The client's interface has gone", "Bring the interface back."},
	},
	ENOMEM: {
		name: "ENOMEM", errno: syscall.ENOMEM,
		anyone: word{"The kernel has no memory to send", "Free memory on this host."},
	},
	ENXIO: {
		name: "ENXIO", errno: syscall.ENXIO,
		anyone:  word{"The interface to send on does not exist now", "Bring it back."},
		clients: word{"The client's interface has gone", "Bring the interface back."},
	},
	EPERM: {
		name: "EPERM", errno: syscall.EPERM,
		servers: word{"This host's firewall drops what the relay sends to the server", "Allow UDP from ports 67 and 547 in the output chain; deploy/dhcp-relay.nft shows the rules."},
		clients: word{"This host's firewall drops what the relay sends to clients", "Allow UDP to ports 68 and 546 in the output chain; deploy/dhcp-relay.nft shows the rules."},
	},
	NeighboursFull4: {
		name:   "neighbours_full_ipv4",
		anyone: word{"The kernel's ARP table is full, so nothing goes to a host that it does not know yet", "Raise net.ipv4.neigh.default.gc_thresh3 (and gc_thresh2) on the host, and look who fills the table (ip -4 neigh)."},
	},
	NeighboursFull6: {
		name:   "neighbours_full_ipv6",
		anyone: word{"The kernel's IPv6 neighbour table is full, so nothing goes to a host that it does not know yet", "Raise net.ipv6.neigh.default.gc_thresh3 (and gc_thresh2) on the host, and look who fills the table (ip -6 neigh). Replies to clients need it only where they cannot go in frames."},
	},
}

// Of returns the Error that an error of the kernel is.
func Of(e syscall.Errno) Error {
	for i := range rows {
		if rows[i].errno == e && e != 0 {
			return Error(i)
		}
	}
	return Other
}

// String returns the name that metrics and JSON have, such as "ENETUNREACH".
func (e Error) String() string { return rows[e].name }

// Doc says what the error means when it comes of sending towards somebody, and what
// to do: a sentence without its full stop, and one with it.
func (e Error) Doc(t Towards) (what, remedy string) {
	r := &rows[e]
	w := [NumTowards]word{Servers: r.servers, Clients: r.clients}[t]
	if w.what == "" {
		w = r.anyone
	}
	return w.what, w.remedy
}

// Name returns the name of an error of the kernel, such as "ENETUNREACH", or its
// number if it has none.
func Name(e syscall.Errno) string {
	if n := unix.ErrnoName(e); n != "" {
		return n
	}
	return strconv.Itoa(int(e))
}

// Explain says the same as Doc of an error of the kernel, whichever it is.
func Explain(t Towards, e syscall.Errno) (what, remedy string) {
	what, remedy = Of(e).Doc(t)
	if Of(e) == Other {
		what = "The kernel refused to send with the error " + Name(e)
	}
	return what, remedy
}
