package agent

import "dhcp-relay/relay/wire/dhcp"

// A Reason is the outcome of one message: relayed, or why it was dropped. Every
// received message ends in exactly one.
type Reason uint8

// The outcomes. The list is closed, with a row of docs for each.
const (
	Relayed               Reason = iota
	Short                        // fewer octets than the header has
	Oversize                     // more octets than can be relayed
	BadOp                        // op is neither 1 nor 2
	BadHlen                      // hlen above 16
	OptionsMalformed             // an option is cut off by the end of the message
	NotConfigured                // heard on a link that no [[interface]] matches
	SameNetwork                  // a copy of what a configured link hears too, see Snapshot.twins
	NoGiaddr                     // the link has no IPv4 address that may stand for it
	NoLinkAddress                // the link has no IPv6 address that may stand for it
	NoServer                     // the interface has no server of this family
	OnStandby                    // another router is to serve the interface now
	HopLimit                     // hops above the limit
	SecsBelow                    // secs below the threshold
	BootpRefused                 // plain BOOTP, and the interface refuses it
	UntrustedOption82            // option 82 from a client, also in sname or file
	Option82Malformed            // option 82 that cannot be parsed
	GiaddrSpoof                  // the request has an address of this relay as giaddr
	GiaddrInvalid                // giaddr is no unicast address
	GiaddrUntrusted              // a relayed request on an interface that is not trusted
	GiaddrRefused                // a relayed request, and the interface drops those
	OwnMessage                   // a request that this relay itself sent, or that has passed it
	PeerInvalid                  // a source or peer-address that nobody can have
	ServerMessage                // an Advertise, Reply, Reconfigure or Leasequery-reply that is not in a Relay-reply
	UnicastClient                // sent by unicast from a client
	TypeRefused                  // a message type that the interface refuses
	RelayForwardUntrusted        // a Relay-forward on an interface that is not trusted
	RSOORefused                  // a Relay-forward with RSOO, and the interface refuses those
	NoRelayMessage               // a relay message that does not hold one whole message
	ReplyFromClient              // a reply heard on a client-facing interface
	ReplySource                  // a reply from a source that may not reply
	BogusGiaddr                  // a reply for a giaddr that is not ours
	UnknownLink                  // a Relay-reply for an interface that is not ours
	AmbiguousReply               // several interfaces share the giaddr, nothing tells which
	Option82Mismatch             // the reply echoes an option 82 that is not ours
	Leasequery                   // an answer to a leasequery; not for a client
	RelayReplyRefused            // a Relay-reply for another relay that may not have it
	VSSIgnored                   // the server ignored the VPN that it was told
	VSSUnknown                   // the server named a VPN that is not the client's
	ClassDrop                    // the request is of a class that is to be dropped
	IgnoredPort                  // the request came by a port of a bridge that is to be ignored
	Stale                        // waited too long to be read
	InterfaceLimit               // more than the interface may send
	ClientLimit                  // more than the client may send
	Overload                     // more than the interface's share of what can be read
	ServerPace                   // more than the interface's share of what the server answers
	LinkDown                     // the client's interface is down
	QueueFull                    // the queue of the client's interface is full
	SendFailed                   // the kernel refused every copy
	NumReasons            = int(iota)
)

// A Doc is what is known of one Reason: every field of it, so that a row that lacks
// one does not compile.
type Doc struct {
	Name     string // the value of the label "outcome"
	What     string // what happened, one sentence
	Remedy   string // what an operator can do about it, one sentence
	Severity Severity
	Rule     families // the RFC, or why if none says so; "" for a family in which it cannot occur
	Settings families // keys of an [[interface]] that decide it, with spaces between them
	Hints
}

// The Hints are what is to be known of some reasons only.
type Hints struct {
	See      Look  // where it is to be seen whom the remedy tells to look for
	State    State // of the interface, if that is the cause; else Relaying
	Stranger bool  // a reply dropped so is of no configured server
}

// A families is a text for each family.
type families = [dhcp.Families]string

func noHints() Hints { return Hints{} }

func none() families                   { return families{} }
func only4(s string) families          { return families{dhcp.V4: s} }
func only6(s string) families          { return families{dhcp.V6: s} }
func both(s string) families           { return families{s, s} }
func apiece(four, six string) families { return families{four, six} }

// A Severity says what drops mean for the operator.
type Severity uint8

// The severities.
const (
	_        Severity = iota
	Expected          // of no consequence at all, and not told
	Intended          // the configuration asks for it
	Minor             // the sender is broken or hostile; others are not concerned
	Partial           // some clients get no address; if nothing else was relayed, all
	Outage            // clients get no address
)

// A Look is a place that tells more.
type Look uint8

// The places.
const (
	Nowhere Look = iota
	ByTrace
	InSendErrors
)

var docs = [NumReasons]Doc{
	Relayed: {
		"relayed", "The message was sent on.",
		"Nothing to do.",
		Intended, apiece("RFC 1542, section 4.1.1", "RFC 9915, section 19.1"), none(), noHints(),
	},
	Short: {
		"short", "The message has fewer octets than its header.",
		"Look for a broken client; set dhcpv4.strict_min_300 = false if it was set.",
		Partial, apiece("RFC 1542, section 2.1", "RFC 9915, sections 8 and 9"), only4("dhcpv4.strict_min_300"), noHints(),
	},
	Oversize: {
		"oversize", "The message does not fit the limit or the outgoing MTU.",
		"Set dhcpv4.oversize = \"without_option82\", or raise max_message_size or the MTU towards the server; DHCPv6: shorten the identifiers.",
		Partial, apiece("RFC 3046, section 2.1", "RFC 9915, section 19.1"), only4("dhcpv4.max_message_size dhcpv4.oversize"), noHints(),
	},
	BadOp: {
		"bad_op", "The op field is neither BOOTREQUEST nor BOOTREPLY.",
		"Something other than DHCP sends to port 67; find it by its address in a capture.",
		Minor, only4("RFC 951, section 3"), none(),
		Hints{See: ByTrace},
	},
	BadHlen: {
		"bad_hlen", "The hardware address length is above 16.",
		"Look for a broken or hostile client.",
		Minor, only4("RFC 2131, section 2"), none(),
		Hints{See: ByTrace},
	},
	OptionsMalformed: {
		"options_malformed", "An option runs past the end of the message.",
		"Look for a broken or hostile client or server.",
		Minor, apiece("RFC 2132, section 2", "RFC 9915, section 21.1"), none(),
		Hints{See: ByTrace},
	},
	NotConfigured: {
		"not_configured", "The message was heard on an interface that no [[interface]] names.",
		"Add an [[interface]] for it, or ignore the count if this network is served otherwise.",
		Intended, apiece("RFC 1542, section 4.1.1", "RFC 9915, section 19.1"), none(), noHints(),
	},
	SameNetwork: {
		"same_network", "A second copy: the interface is a macvlan or ipvlan (VRRP) on the network of a configured one, which hears the same.",
		"Nothing to do.",
		Expected, apiece("RFC 1542, section 4.1.1", "RFC 9915, section 19.1"), none(), noHints(),
	},
	NoGiaddr: {
		"no_giaddr", "The interface has no address that may stand for its clients.",
		"Give the interface an IPv4 address, or set dhcpv4.giaddr to an address, a prefix or an interface to borrow from.",
		Outage, only4("RFC 1542, section 4.1.1"), only4("dhcpv4.giaddr"),
		Hints{State: NoAddress},
	},
	NoLinkAddress: {
		"no_link_address", "The interface has no address that may stand for its clients: by a link-local one servers would declare their leases void.",
		"Give the interface a global IPv6 address, or set dhcpv6.link_address to an address of the clients' prefix, a prefix or an interface to borrow from; to \"link-local\" only if the servers go by the Interface-Id.",
		Outage, only6("RFC 9915, section 19.1.1"), only6("dhcpv6.link_address"),
		Hints{State: NoAddress},
	},
	NoServer: {
		"no_server", "The interface has no server of this address family.",
		"Add an address of this family to servers.",
		Intended, apiece("RFC 1542, section 4.1.1", "RFC 9915, section 19"), both("servers"), noHints(),
	},
	OnStandby: {
		"standby", "Another router is to serve this interface now: what active asks for does not hold.",
		"Nothing to do while the other router relays; else see active, and what moves the virtual address.",
		Expected, apiece("RFC 1542, section 4.1.1", "RFC 9915, section 19.1"), both("active"),
		Hints{State: Standby},
	},
	HopLimit: {
		"hop_limit", "The message has passed more relays than hop_limit allows.",
		"Look for a relay loop, or raise hop_limit if the chain is that long by intent.",
		Partial, apiece("RFC 1542, section 4.1.1", "RFC 9915, section 19.1.2"), apiece("dhcpv4.hop_limit", "dhcpv6.hop_limit"), noHints(),
	},
	SecsBelow: {
		"secs_below", "The client has not yet tried for min_secs seconds.",
		"Nothing to do if this relay is the backup; else lower dhcpv4.min_secs.",
		Intended, only4("RFC 1542, sections 3.2 and 4.1.1"), only4("dhcpv4.min_secs"), noHints(),
	},
	BootpRefused: {
		"bootp_refused", "The message is plain BOOTP and bootp is false.",
		"Set dhcpv4.bootp = true if such clients are to be served.",
		Intended, only4("RFC 1542, section 4.1.1"), only4("dhcpv4.bootp"), noHints(),
	},
	UntrustedOption82: {
		"untrusted_option82", "A client's message already contains option 82.",
		"If a switch with DHCP snooping or another relay adds it, set trusted = true on this interface.",
		Partial, only4("RFC 3046, section 2.1"), only4("trusted"), noHints(),
	},
	Option82Malformed: {
		"option82_malformed", "The message contains an option 82 that cannot be parsed.",
		"Look for a broken switch or server, or a hostile client.",
		Partial, only4("RFC 3046, section 2.0"), none(),
		Hints{See: ByTrace},
	},
	GiaddrSpoof: {
		"giaddr_spoof", "A request has an address of this relay as giaddr.",
		"Look for a hostile client, or for a loop that brings the relay's own requests back.",
		Minor, only4("RFC 3046, section 2.1.1"), none(),
		Hints{See: ByTrace},
	},
	GiaddrInvalid: {
		"giaddr_invalid", "giaddr is no address that a relay can have.",
		"Look for a broken relay or a hostile client.",
		Minor, only4("RFC 3046, section 2.1.1"), none(),
		Hints{See: ByTrace},
	},
	GiaddrUntrusted: {
		"giaddr_untrusted", "A request was already relayed, and the interface is not trusted.",
		"If another relay is attached here, set trusted = true on this interface.",
		Partial, only4("RFC 3046, section 2.1.1"), only4("trusted"), noHints(),
	},
	GiaddrRefused: {
		"giaddr_refused", "A request was already relayed, and relayed_requests is \"drop\".",
		"Set dhcpv4.relayed_requests = \"forward\" if chained relays are to be served.",
		Intended, only4("RFC 3046, section 2.1.1"), only4("dhcpv4.relayed_requests"), noHints(),
	},
	OwnMessage: {
		"own_message", "The request came from this relay itself, or has passed it already.",
		"Look for a loop: a server address that leads back to this host, or another relay that has this one among its servers.",
		Minor, both("a relay does not relay its own messages"), none(), noHints(),
	},
	PeerInvalid: {
		"peer_invalid", "The source of a request, or the peer-address of a reply, is no address of a client or another relay.",
		"Look for a hostile client, or a broken or hostile server.",
		Minor, only6("RFC 9915, sections 19.1 and 19.2"), none(),
		Hints{See: ByTrace},
	},
	ServerMessage: {
		"server_message", "A server's message came without the Relay-reply that a server sends to a relay.",
		"Look for a rogue DHCPv6 server among the clients.",
		Minor, only6("RFC 9915, sections 16.3, 16.10 and 16.11; RFC 5007, section 4.2.2"), none(),
		Hints{See: ByTrace, Stranger: true},
	},
	UnicastClient: {
		"unicast_client", "A client sent its message to an address rather than to all relays.",
		"Set dhcpv6.accept_unicast = true if such messages are to be relayed.",
		Partial, only6("RFC 9915, section 16"), only6("dhcpv6.accept_unicast"), noHints(),
	},
	TypeRefused: {
		"type_refused", "The message is of a type that refuse_types lists, in [interface.dhcpv4] or [interface.dhcpv6].",
		"Take the type off the list if such messages of clients are to be relayed.",
		Intended, apiece("RFC 4388, section 7", "RFC 7283, section 6"), apiece("dhcpv4.refuse_types", "dhcpv6.refuse_types"), noHints(),
	},
	RelayForwardUntrusted: {
		"relay_forward_untrusted", "A Relay-forward was heard on an interface that is not trusted.",
		"If another relay is attached here, set trusted = true on this interface.",
		Partial, only6("RFC 6221, section 6.1.2"), only6("trusted"), noHints(),
	},
	RSOORefused: {
		"rsoo_refused", "A Relay-forward contains options for the client, and dhcpv6.refuse_rsoo is set.",
		"Set dhcpv6.refuse_rsoo = false if the relays attached here may supply options.",
		Intended, only6("RFC 6422, section 5"), only6("dhcpv6.refuse_rsoo"), noHints(),
	},
	NoRelayMessage: {
		"no_relay_msg", "A Relay-forward or Relay-reply does not hold exactly one message.",
		"Look for a broken or hostile relay or server.",
		Minor, only6("RFC 9915, sections 9.1 and 9.2"), none(),
		Hints{See: ByTrace},
	},
	ReplyFromClient: {
		"reply_from_client", "A reply was heard on a client-facing interface, not from a configured server to which the route leads there.",
		"Look for a rogue DHCP server among the clients; if it is a real one, add it to servers.",
		Partial, both("RFC 8213, section 3"), both("servers"),
		Hints{See: ByTrace, Stranger: true},
	},
	ReplySource: {
		"reply_source", "A reply came from an address that is no server's and not in reply_sources, and answers no open request.",
		"Add the server's address to reply_sources or to servers.",
		Partial, both("RFC 8213, section 3"), none(),
		Hints{See: ByTrace, Stranger: true},
	},
	BogusGiaddr: {
		"bogus_giaddr", "A reply has a giaddr that this relay does not use now.",
		"Check the routes for the giaddr, and whether the interface has lost its address.",
		Partial, only4("RFC 1542, section 4.1.2"), none(), noHints(),
	},
	UnknownLink: {
		"no_link", "A Relay-reply names no interface of this relay, neither by Interface-Id nor by link-address.",
		"Have the server echo the Interface-Id; check whether the interface was renamed or has lost its address.",
		Partial, only6("RFC 9915, section 19.2"), only6("dhcpv6.interface_id"), noHints(),
	},
	AmbiguousReply: {
		"ambiguous_reply", "Several interfaces share the reply's giaddr or link-address, and its option 82 or Interface-Id names not one of them.",
		"Have the server echo option 82 or the Interface-Id, and give each interface a circuit_id and interface_id of its own.",
		Outage, apiece("RFC 3046, section 2.2", "RFC 9915, section 19.2"), apiece("dhcpv4.option82.circuit_id", "dhcpv6.interface_id"), noHints(),
	},
	Option82Mismatch: {
		"option82_mismatch", "The reply echoes an option 82 that is not this relay's.",
		"Check the server's echo, or set dhcpv4.option82.mismatch = \"strip\".",
		Partial, only4("RFC 3046, section 2.1"), only4("dhcpv4.option82.mismatch"), noHints(),
	},
	Leasequery: {
		"leasequery", "The reply answers a leasequery and is for no client.",
		"Nothing to do.",
		Intended, only4("RFC 4388, section 6"), none(),
		Hints{Stranger: true},
	},
	RelayReplyRefused: {
		"relay_reply_refused", "A Relay-reply is for another relay, on an interface that is not trusted, or not on that network, or that has not asked from there within the last hour.",
		"If a relay is attached to the interface, set trusted = true there; else look for a hostile server or client.",
		Partial, only6("RFC 9915, section 19.2; RFC 8357, section 5.2"), only6("trusted"),
		Hints{See: ByTrace},
	},
	VSSIgnored: {
		"vss_ignored", "The server ignored the VPN that this relay named, so its address may be of another one.",
		"Set up the VPN in the server, or set vss = false for that server.",
		Outage, both("RFC 6607, section 5"), apiece("dhcpv4.option82.vss", "dhcpv6.vss"), noHints(),
	},
	VSSUnknown: {
		"vss_unknown", "The server named a VPN that is not the client's.",
		"Make the server's VPN names and the interface's vss agree.",
		Outage, both("RFC 6607, section 5.1"), apiece("dhcpv4.option82.vss", "dhcpv6.vss"), noHints(),
	},
	ClassDrop: {
		"class_drop", "The request is of a class whose requests are dropped.",
		"Nothing to do if such clients are to get no address; else see the [[class]] that trace and explain name.",
		Intended, both("the configuration says so"), none(),
		Hints{See: ByTrace},
	},
	IgnoredPort: {
		"ignored_port", "The request came by a port of the bridge that ignore_ports names: another relay sees to it.",
		"Nothing to do, unless its clients get no address: then take the port out of ignore_ports.",
		Expected, both("the configuration says so"), both("ignore_ports"), noHints(),
	},
	Stale: {
		"stale", "The message waited so long in the receive buffer that its client has asked again, or no longer waits.",
		"Look whether the relay gets processor time, or was stopped, and for an interface with a flood of messages.",
		Partial, apiece("RFC 2131, section 4.1", "RFC 9915, section 15"), none(), noHints(),
	},
	InterfaceLimit: {
		"interface_limit", "More came from the interface than limit allows.",
		"Look for a client that floods; if so much is normal here, raise limit or set it to 0.",
		Partial, both("a network must not take what others need"), both("limit"),
		Hints{See: ByTrace},
	},
	ClientLimit: {
		"client_limit", "More came from one client than client_limit allows.",
		"Look for the client, which is broken or hostile; if so much is normal here, raise client_limit or set it to 0.",
		Minor, both("a client must not take what others need"), both("client_limit"),
		Hints{See: ByTrace},
	},
	Overload: {
		"overload", "More came than the relay can read, and from this interface more than its share.",
		"Look for a client that floods, and whether the relay gets processor time.",
		Partial, both("a network must not take what others need"),
		families{},
		Hints{See: ByTrace},
	},
	ServerPace: {
		"server_pace", "The server answers far fewer requests than it gets, and this interface sent more than its share of that.",
		"Look for a client that floods, and whether the server has enough of a processor.",
		Partial, both("a network must not take what others need"),
		families{},
		Hints{See: ByTrace},
	},
	LinkDown: {
		"link_down", "The client's interface is down or gone.",
		"Bring the interface up.",
		Minor, apiece("RFC 1542, section 4.1.2", "RFC 9915, section 19.2"), none(),
		Hints{State: Down},
	},
	QueueFull: {
		"queue_full", "The queue of the client's interface takes no more, so the reply is dropped rather than hold up those to other interfaces.",
		"Look whether the interface is too slow or stuck (ip -s link, tc -s qdisc), and whether a client there asks too fast.",
		Outage, apiece("RFC 1542, section 4.1.2", "RFC 9915, section 19.2"), none(), noHints(),
	},
	SendFailed: {
		"send_failed", "The kernel refused to send it.",
		"Look for a missing route, a firewall, a full queue or a full neighbour table.",
		Outage, apiece("RFC 1542, section 4.1.1", "RFC 9915, section 19"), both("servers"),
		Hints{See: InSendErrors},
	},
}

// DocOf returns what the reason means for messages of a direction.
func (r Reason) DocOf(d dhcp.Direction) Doc {
	if r == Oversize && d == dhcp.Replies {
		doc := docs[r]
		doc.What, doc.Remedy = "The reply does not fit the clients' link, not even in fragments.", "Raise the MTU of the clients' interface."
		return doc
	}
	return r.Doc()
}

// Doc returns what is known of the reason.
func (r Reason) Doc() Doc { return docs[r] }

// Unserved reports whether a request that is dropped so is one that clients had a
// right to see answered: neither the configuration nor a limit asks to drop it, and
// its sender is not to blame.
func (r Reason) Unserved() bool {
	switch r.Doc().Severity {
	case Partial, Outage:
		return r != InterfaceLimit && r != Overload && r != ServerPace
	case Expected, Intended, Minor:
	}
	return false
}

// String returns the value that the label "outcome" has for the reason.
func (r Reason) String() string {
	if int(r) < NumReasons {
		return docs[r].Name
	}
	return "unknown"
}
