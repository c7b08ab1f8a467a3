// Package senderror says what the kernel's errors mean when it refuses to send, and
// what an operator can do about them. It knows words only.
package senderror

import (
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// A word is what an error of the kernel means, and what to do.
type word struct{ what, remedy string }

// Name returns the name of an error, such as "ENETUNREACH", or its number if it
// has none.
func Name(e syscall.Errno) string {
	if n := unix.ErrnoName(e); n != "" {
		return n
	}
	return strconv.Itoa(int(e))
}

// What the kernel's errors are called where its own count says that a neighbour
// table was full: of IPv6 it is EINVAL, of IPv4 ENOBUFS.
const (
	NeighboursFull6 = "neighbours_full_ipv6"
	NeighboursFull4 = "neighbours_full_ipv4"
)

// Doc says what an error of the kernel, by its name, means when it comes of
// sending towards a "server" or a "client", and what to do: a sentence without its
// full stop, and one with it.
func Doc(towards, name string) (what, remedy string) {
	if w, ok := toServers()[name]; ok && towards == "server" {
		return w.what, w.remedy
	}
	if w, ok := toClients()[name]; ok && towards == "client" {
		return w.what, w.remedy
	}
	if w, ok := toAnyone()[name]; ok {
		return w.what, w.remedy
	}
	return "The kernel refused to send with the error " + name, "Look into the kernel's log (dmesg)."
}

func toServers() map[string]word {
	return map[string]word{
		"EACCES":        {"The route to the server forbids sending, or its address is a broadcast address", "Correct the server's address, or the route of type prohibit."},
		"EADDRNOTAVAIL": {"The source address towards the servers is none of this host's", "Correct source in the [[interface]], or add the address to an interface."},
		"ECONNREFUSED":  {"The server's host answers that nothing listens on the DHCP port", "Start the DHCP server there, or correct its address."},
		"EHOSTUNREACH":  {"The server or the next router does not answer to ARP or neighbour discovery, or the route says unreachable", "Check the way to the server (ip route get, ip neigh), and that it is up."},
		"EINVAL":        {"The kernel found no way to send to the server from this address, or its IPv6 neighbour table is full", "Check that source and server belong to the same VRF and scope, and whether dmesg says that the neighbour table overflows."},
		"EMSGSIZE":      {"The message is larger than the MTU towards the server", "Raise the MTU on the way, or set max_message_size or shorter identifiers."},
		"ENETUNREACH":   {"There is no route to the server", "Add a route, or a default route, in the VRF of the server; ip route get shows what is there."},
		"ENODEV":        {"The interface or the VRF that leads to the server does not exist now", "Bring it back, or correct vrf in the [[server]]."},
		"EPERM":         {"This host's firewall drops what the relay sends to the server", "Allow UDP from ports 67 and 547 in the output chain; deploy/dhcp-relay.nft shows the rules."},
	}
}

func toClients() map[string]word {
	return map[string]word{
		"EAGAIN":        {"The queue of the clients' interface is full, so its replies are dropped and those to others go on", "Look which interface is too slow or stuck (ip -s link, tc -s qdisc), and whether a client there asks too fast (dhcp-relay trace)."},
		"EADDRNOTAVAIL": {"The address from which to answer the clients has gone", "Give the interface its address back; the next message uses what is there then."},
		"EHOSTUNREACH":  {"The client does not answer to ARP or neighbour discovery", "Look whether the client is still attached."},
		"EMSGSIZE":      {"The reply is larger than the MTU of the client's interface", "Raise the interface's MTU, or have the server send fewer options."},
		"ENETUNREACH":   {"There is no route to the client", "Check the addresses and routes of the client's interface."},
		"ENODEV":        {"The client's interface has gone", "Bring the interface back."},
		"ENXIO":         {"The client's interface has gone", "Bring the interface back."},
		"EPERM":         {"This host's firewall drops what the relay sends to clients", "Allow UDP to ports 68 and 546 in the output chain; deploy/dhcp-relay.nft shows the rules."},
	}
}

// toAnyone means the same towards servers and clients.
func toAnyone() map[string]word {
	return map[string]word{
		"EACCES":        {"The kernel forbids sending there", "Look for a route of type prohibit, or a security module."},
		"EAFNOSUPPORT":  {"The kernel has no support for this address family", "Enable IPv6 (net.ipv6.conf.all.disable_ipv6 = 0), or remove the addresses of that family."},
		"EAGAIN":        {"The send queue of the interface is full", "Look for an interface that is too slow or stuck (ip -s link, tc -s qdisc)."},
		"EBADF":         {"A socket was closed while a message was to be sent", "Nothing, if it happened once at a reload."},
		"ECONNREFUSED":  {"The receiver answers that nothing listens on the port", "Check the receiver."},
		"EHOSTDOWN":     {"The receiver's host is down", "Check the receiver."},
		"EINVAL":        {"The kernel found the addresses of the message invalid, or its IPv6 neighbour table is full", "Check the addresses of the interface, and whether dmesg says that the neighbour table overflows."},
		"EIO":           {"The device failed to send", "Look into the kernel's log (dmesg) for the device's driver."},
		"ENETDOWN":      {"The interface to send on is down", "Bring it up (ip link set)."},
		"ENOBUFS":       {"The send queue of the interface is full", "Look for an interface that is too slow or stuck (ip -s link, tc -s qdisc)."},
		"ENODEV":        {"The interface to send on does not exist now", "Bring it back."},
		"ENOMEM":        {"The kernel has no memory to send", "Free memory on this host."},
		"ENXIO":         {"The interface to send on does not exist now", "Bring it back."},
		NeighboursFull6: {"The kernel's IPv6 neighbour table is full, so nothing goes to a host that it does not know yet", "Raise net.ipv6.neigh.default.gc_thresh3 (and gc_thresh2) on the host, and look who fills the table (ip -6 neigh). Replies to clients need it only where they cannot go in frames."},
		NeighboursFull4: {"The kernel's ARP table is full, so nothing goes to a host that it does not know yet", "Raise net.ipv4.neigh.default.gc_thresh3 (and gc_thresh2) on the host, and look who fills the table (ip -4 neigh)."},
		"other":         {"The kernel refused to send, for a reason that is not told apart", "Look into the kernel's log (dmesg)."},
	}
}
