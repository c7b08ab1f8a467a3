package status

// A Kind is a kind of finding. The list is closed.
type Kind uint8

// The kinds. What is likely to be the cause of other findings comes first.
const (
	none Kind = iota // of no finding

	ConfigChanged
	ConfigHost
	ConfigNone
	ConfigRefused
	ConfigUnloadable

	InterfacesStale
	InterfaceDown
	InterfaceMember
	InterfaceMissing
	InterfaceNoAddress
	InterfaceNoLinkLocal
	InterfacePartly
	InterfaceRefused
	InterfaceUnanswered
	InterfaceUnmatched

	ServerDoubled
	ServerElsewhere
	ServerPartly
	ServerSilent
	ServerUnreachable

	DroppedMessages

	KernelDropped
	ListenerClosed
	ListenerRefuses
	NothingHeard
	RecorderOff
	RivalProgram
	RivalServer
	RPFilterClient
	RPFilterServer
	SendRefused
	SocketsFailed
	UnframedReplies
	numKinds = int(iota)
)

// A KindDoc is what the documentation says of a kind.
type KindDoc struct {
	Name string // as in Finding.Kind; a "*" at its end stands for the reason of a drop, or for the name of an error
	What string // what it tells
}

// Doc returns what the documentation says of a kind.
func (k Kind) Doc() KindDoc { return kindDocs()[k] }

// Kinds returns all kinds.
func Kinds() []KindDoc {
	all := kindDocs()
	return all[1:]
}

func kindDocs() [numKinds]KindDoc {
	return [numKinds]KindDoc{
		ConfigChanged:        {"config_changed", "the file says something else than what is in effect"},
		ConfigHost:           {"config_host", "the configuration does not fit the host"},
		ConfigNone:           {"config_none", "the configuration asks to relay nothing"},
		ConfigRefused:        {"config_refused", "the file was refused at the last reload"},
		ConfigUnloadable:     {"config_unloadable", "the file would be refused"},
		InterfacesStale:      {"interfaces_stale", "the relay cannot read the interfaces of the host"},
		InterfaceDown:        {"interface_down", "an interface is down or has no carrier"},
		InterfaceMember:      {"interface_member", "an interface is a port of another one, which hears its packets"},
		InterfaceMissing:     {"interface_missing", "there is no interface of a name"},
		InterfaceNoAddress:   {"interface_no_address", "an interface has no address for giaddr or link-address"},
		InterfaceNoLinkLocal: {"interface_no_link_local", "an interface has no IPv6 link-local address"},
		InterfacePartly:      {"interface_partly", "some requests of an interface find no answer"},
		InterfaceRefused:     {"interface_refused", "servers refuse addresses that clients ask for"},
		InterfaceUnanswered:  {"interface_unanswered", "servers answer other interfaces and not this one"},
		InterfaceUnmatched:   {"interface_unmatched", "no interface matches a pattern"},
		ServerDoubled:        {"server_doubled", "a server answers twice as often as it is asked"},
		ServerElsewhere:      {"server_elsewhere", "a server answers from another address"},
		ServerPartly:         {"server_partly", "a server answers fewer than half of the requests"},
		ServerSilent:         {"server_silent", "a server answers nothing"},
		ServerUnreachable:    {"server_unreachable", "the kernel refuses to send to a server"},
		DroppedMessages:      {"drop_*", "messages were dropped for one reason"},
		KernelDropped:        {"kernel_drops", "the kernel dropped messages for want of buffer"},
		ListenerClosed:       {"listener", "the daemon cannot be asked at an address"},
		ListenerRefuses:      {"listener_refuses", "an endpoint of the daemon refuses some who ask"},
		NothingHeard:         {"nothing_heard", "no message was heard since the start"},
		RecorderOff:          {"recorder_off", "the flight recorder is off"},
		RivalProgram:         {"rival", "another program listens on the relay's port"},
		RivalServer:          {"rival_server", "another DHCP server or relay serves the same clients"},
		RPFilterClient:       {"rp_filter_client", "strict rp_filter on a client-facing interface"},
		RPFilterServer:       {"rp_filter_server", "strict rp_filter where a silent server is reached"},
		SendRefused:          {"send_*", "the kernel refused to send messages"},
		SocketsFailed:        {"sockets", "not all sockets work"},
		UnframedReplies:      {"unframed", "replies to DHCPv6 clients depend on the neighbour table"},
	}
}

// causes orders kinds: what is likely to be the cause of other findings first.
func (k Kind) causes() int {
	for rank, last := range []Kind{ConfigUnloadable, InterfaceUnmatched, ServerUnreachable, DroppedMessages} {
		if k <= last {
			return rank
		}
	}
	return 4
}
