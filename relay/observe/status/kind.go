package status

// A kind is a kind of finding. The list is closed.
type kind uint8

// The kinds. What is likely to be the cause of other findings comes first.
const (
	none kind = iota // of no finding

	configChanged
	configHost
	configNone
	configRefused
	configUnloadable
	firewallDrops

	nameRefused
	nameStale
	nameUnknown

	interfacesStale
	interfaceDown
	interfaceFloods
	interfaceMember
	interfaceMissing
	interfaceNewClients
	interfaceNoAddress
	interfaceNoLinkLocal
	interfacePartly
	interfaceQuiet
	interfaceRefused
	interfaceUnanswered
	interfaceUnmatched

	serverDoubled
	serverElsewhere
	serverPartly
	serverRefuses
	serverSilent
	serverSlow
	serverUncredited
	serverUnreachable

	droppedMessages

	broadcastCleared
	framesUnseen
	kernelDropped
	listenerClosed
	listenerRefuses
	nothingHeard
	option82Omitted
	recorderOff
	rivalProgram
	rivalServer
	rpFilterClient
	rpFilterServer
	sendRefused
	socketsFailed
	unframedReplies
	numKinds = int(iota)
)

// A KindDoc is what the documentation says of a kind.
type KindDoc struct {
	Name string // as in Finding.Kind; a "*" at its end stands for the reason of a drop, or for the name of an error
	What string // what it tells
}

// doc returns what the documentation says of a kind.
func (k kind) doc() KindDoc { return kindDocs()[k] }

func kindDocs() [numKinds]KindDoc {
	return [numKinds]KindDoc{
		configChanged:        {"config_changed", "the file says something else than what is in effect"},
		configHost:           {"config_host", "the configuration does not fit the host"},
		configNone:           {"config_none", "the configuration asks to relay nothing"},
		configRefused:        {"config_refused", "the file was refused at the last reload"},
		configUnloadable:     {"config_unloadable", "the file would be refused"},
		nameRefused:          {"dns_name_refused", "what DNS says of servers' names cannot be taken over"},
		nameStale:            {"dns_name_stale", "a server's name cannot be looked up, so that the last answer holds"},
		nameUnknown:          {"dns_name_unknown", "no address is known of a server's name"},
		interfacesStale:      {"interfaces_stale", "the relay cannot read the interfaces of the host"},
		interfaceDown:        {"interface_down", "an interface is down or has no carrier"},
		interfaceFloods:      {"interface_floods", "an interface sends more than the relay can read"},
		interfaceNewClients:  {"interface_new_clients", "very many clients appear on an interface"},
		interfaceMember:      {"interface_member", "an interface is a port of another one, which hears its packets"},
		interfaceMissing:     {"interface_missing", "there is no interface of a name"},
		interfaceNoAddress:   {"interface_no_address", "an interface has no address for giaddr or link-address"},
		interfaceNoLinkLocal: {"interface_no_link_local", "an interface has no IPv6 link-local address"},
		interfacePartly:      {"interface_partly", "some requests of an interface find no answer"},
		interfaceQuiet:       {"interface_quiet", "an interface that relays has never heard a request, or none for a day"},
		broadcastCleared:     {"broadcast_cleared", "clients that ask for broadcast are answered by unicast, and ask again"},
		framesUnseen:         {"frames_unseen", "identifiers and ignore_ports need the frames of DHCPv4 clients, which the daemon may not see"},
		firewallDrops:        {"firewall", "this host's firewall drops what the relay is to hear; found by the command status only, as root"},
		option82Omitted:      {"option82_omitted", "requests go out without option 82 for want of room"},
		interfaceRefused:     {"interface_refused", "servers refuse addresses that clients ask for"},
		interfaceUnanswered:  {"interface_unanswered", "servers answer other interfaces and not this one"},
		interfaceUnmatched:   {"interface_unmatched", "no interface matches a pattern"},
		serverDoubled:        {"server_doubled", "a server answers twice as often as it is asked"},
		serverElsewhere:      {"server_elsewhere", "a server answers from an address that is not known as its own"},
		serverPartly:         {"server_partly", "a server answers fewer than half of the requests"},
		serverRefuses:        {"server_refuses", "a server refuses its clients addresses"},
		serverSilent:         {"server_silent", "a server answers nothing"},
		serverSlow:           {"server_slow", "a server answers late"},
		serverUncredited:     {"server_uncredited", "nobody can tell which server answers its clients"},
		serverUnreachable:    {"server_unreachable", "requests do not reach a server"},
		droppedMessages:      {"drop_*", "messages were dropped for one reason"},
		kernelDropped:        {"kernel_drops", "the kernel dropped messages for want of buffer"},
		listenerClosed:       {"listener", "the daemon cannot be asked at an address"},
		listenerRefuses:      {"listener_refuses", "an endpoint of the daemon refuses some who ask"},
		nothingHeard:         {"nothing_heard", "no message was heard since the start"},
		recorderOff:          {"recorder_off", "the flight recorder is off"},
		rivalProgram:         {"rival", "another program listens on the relay's port"},
		rivalServer:          {"rival_server", "another DHCP server or relay serves the same clients"},
		rpFilterClient:       {"rp_filter_client", "strict rp_filter on a client-facing interface"},
		rpFilterServer:       {"rp_filter_server", "strict rp_filter where a silent server is reached"},
		sendRefused:          {"send_*", "the kernel refused to send messages"},
		socketsFailed:        {"sockets", "not all sockets work"},
		unframedReplies:      {"unframed", "replies to DHCPv6 clients depend on the neighbour table"},
	}
}

// causes orders kinds: what is likely to be the cause of other findings first.
func (k kind) causes() int {
	for rank, last := range []kind{firewallDrops, interfaceUnmatched, serverUnreachable, droppedMessages} {
		if k <= last {
			return rank
		}
	}
	return 4
}
