// Package metrics shows the counters and the state of the relay to Prometheus. It
// counts nothing itself.
package metrics

import "dhcp-relay/relay/observe/count"

// A MetricDoc is what the documentation says of one metric.
type MetricDoc struct {
	Name   string
	Type   string   // "counter", "gauge" or "histogram"
	Labels []string // in the order in which the exposition shows them
	Help   string   // a sentence or more
}

// A series is an index into Docs.
type series int

const (
	messages series = iota
	received
	retired
	socketDrops
	serverCopies
	serverFailures
	serverReplies
	serverUnanswered
	serverWithheld
	serverICMP
	serverResponse
	serverState
	serverLastReply
	serverActive
	serverInfo
	nameAddresses
	nameFailing
	classMessages
	transactionsOpen
	transactionsEvicted
	recorderMissed
	sendErrors
	interfaceState
	interfaceServers
	interfacesStale
	interfacesResyncs
	giaddrInfo
	linkAddressInfo
	reloadSuccessful
	reloadTime
	reloads
	configInfo
	configInterfaces
	configDiffers
	configUnloadable
	listenerUp
	httpRefused
	listening
	confined
	probeSuccess
	probeDuration
	buildInfo
	linkCounters // the first of count.LinkCounter
	numSeries    = int(linkCounters) + count.NumLinkCounters
)

// Docs returns every metric of the relay, beside those of the Go runtime and
// of the process.
func Docs() []MetricDoc {
	docs := append(fixed(), make([]MetricDoc, count.NumLinkCounters)...)
	for c := range count.LinkCounter(count.NumLinkCounters) {
		d := c.Doc()
		labels := []string{"interface"}
		if d.Family {
			labels = []string{"family", "interface"}
		}
		docs[linkCounters+series(c)] = MetricDoc{"dhcp_relay_" + d.Name + "_total", "counter", labels, d.What}
	}
	return docs
}

// fixed returns the metrics that are told here.
func fixed() []MetricDoc {
	return []MetricDoc{
		messages: {
			"dhcp_relay_messages_total", "counter",
			[]string{"direction", "family", "interface", "outcome", "type"},
			"Messages by what became of them: relayed, or the reason for the drop. Every received message is counted exactly once. Relayed is what the kernel has taken; what a full queue of an uplink drops after that, tc -s qdisc tells.",
		},
		received: {
			"dhcp_relay_received_total", "counter",
			[]string{"family"},
			"Messages read from the sockets. At rest it equals the sum of dhcp_relay_messages_total and dhcp_relay_messages_retired_total.",
		},
		retired: {
			"dhcp_relay_messages_retired_total", "counter",
			[]string{"family"},
			"Messages whose series of dhcp_relay_messages_total has ended, because their interface had been gone for five minutes.",
		},
		socketDrops: {
			"dhcp_relay_socket_drops_total", "counter",
			[]string{"family"},
			"Messages that the kernel dropped because a receive buffer was full.",
		},
		serverCopies: {
			"dhcp_relay_server_copies_total", "counter",
			[]string{"server", "vrf"},
			"Copies of requests that were sent to the server.",
		},
		serverFailures: {
			"dhcp_relay_server_failures_total", "counter",
			[]string{"server", "vrf"},
			"Copies of requests to the server that the kernel refused to send. dhcp_relay_send_errors_total says why.",
		},
		serverReplies: {
			"dhcp_relay_server_replies_total", "counter",
			[]string{"server", "vrf"},
			"Replies of the server that were accepted.",
		},
		serverWithheld: {
			"dhcp_relay_server_withheld_total", "counter",
			[]string{"server", "vrf"},
			"Copies of requests that were not sent to the server, because it answers far fewer than it gets, and their interface sends more than its share of that.",
		},
		serverUnanswered: {
			"dhcp_relay_server_unanswered_total", "counter",
			[]string{"server", "vrf"},
			"Copies of requests that the server has not answered before the client asked again, or within 10 seconds. Of requests for which one reply is enough, only those that nobody answered; none that asks for another server (option 54, Server Identifier).",
		},
		serverICMP: {
			"dhcp_relay_server_icmp_errors_total", "counter",
			[]string{"kind", "server", "vrf"},
			"ICMP errors about requests to the server, by what they say: port_closed, host_unreachable (which this host says, too, when a neighbour on the way does not answer), no_route, prohibited, too_big, hops_exceeded or other. They may be forged; believe them of a server that is silent.",
		},
		serverResponse: {
			"dhcp_relay_server_response_seconds", "histogram",
			[]string{"server", "vrf"},
			"Time from reading a request to reading the server's first reply to it.",
		},
		serverState: {
			"dhcp_relay_server_state", "gauge",
			[]string{"server", "state", "vrf"},
			"1 for the state that the server is in, 0 for each other state, by what it was asked lately and what came back.",
		},
		serverLastReply: {
			"dhcp_relay_server_last_reply_timestamp_seconds", "gauge",
			[]string{"server", "vrf"},
			"Time of the last reply that is credited to the server, in seconds since 1970; absent if there was none.",
		},
		classMessages: {
			"dhcp_relay_class_messages_total", "counter",
			[]string{"class", "family"},
			"Requests that were of a [[class]], whatever became of them after that.",
		},
		serverActive: {
			"dhcp_relay_server_active", "gauge",
			[]string{"group", "server", "vrf"},
			"1 for a server of the group that requests go to now, or may go to where the mode chooses by the client; 0 for one that they do not. One that does not answer gets some, to see whether it is back.",
		},
		serverInfo: {
			"dhcp_relay_server_info", "gauge",
			[]string{"dns_name", "name", "server", "vrf"},
			"1 for each server, with the name of its [[server]] and the DNS name that has its address; empty if there is none.",
		},
		nameAddresses: {
			"dhcp_relay_dns_name_addresses", "gauge",
			[]string{"name"},
			"Addresses that a DNS name of servers has by the last answer; 0 if none is known, so that no request goes there.",
		},
		nameFailing: {
			"dhcp_relay_dns_name_failing", "gauge",
			[]string{"name"},
			"1 if the latest look-up of a DNS name of servers failed, so that the last answer holds, else 0.",
		},
		transactionsOpen: {
			"dhcp_relay_transactions_open", "gauge",
			[]string{"family"},
			"Requests that wait for a reply, as of a second ago.",
		},
		transactionsEvicted: {
			"dhcp_relay_transactions_evicted_total", "counter",
			[]string{"family"},
			"Requests that were forgotten while they waited, because more came than the table holds: their replies are relayed, but not timed.",
		},
		recorderMissed: {
			"dhcp_relay_recorder_missed_total", "counter",
			nil,
			"Messages that the flight recorder did not take because it was being read.",
		},
		sendErrors: {
			"dhcp_relay_send_errors_total", "counter",
			[]string{"error", "towards"},
			"Messages that the kernel refused to send towards a server or a client, by the name of the error.",
		},
		interfaceState: {
			"dhcp_relay_interface_state", "gauge",
			[]string{"family", "interface", "state"},
			"1 for the state that the configured interface is in, 0 for each other state. It relays in the state relaying alone.",
		},
		interfaceServers: {
			"dhcp_relay_interface_servers", "gauge",
			[]string{"family", "interface"},
			"Servers that requests from the interface may go to.",
		},
		interfacesStale: {
			"dhcp_relay_interfaces_stale", "gauge",
			nil,
			"1 if the relay cannot read the interfaces and addresses of the host, so that it works with what it knew before, 0 if it can.",
		},
		interfacesResyncs: {
			"dhcp_relay_interfaces_resyncs_total", "counter",
			nil,
			"How often all interfaces and addresses were read anew because messages of the kernel about them were lost.",
		},
		giaddrInfo: {
			"dhcp_relay_giaddr_info", "gauge",
			[]string{"giaddr", "interface"},
			"1 for the address that stands for the clients of the interface in DHCPv4.",
		},
		linkAddressInfo: {
			"dhcp_relay_link_address_info", "gauge",
			[]string{"interface", "link_address"},
			"1 for the address that stands for the clients of the interface in DHCPv6.",
		},
		reloadSuccessful: {
			"dhcp_relay_config_last_reload_successful", "gauge",
			nil,
			"1 if the last attempt to load the configuration succeeded, else 0.",
		},
		reloadTime: {
			"dhcp_relay_config_last_reload_success_timestamp_seconds", "gauge",
			nil,
			"Time of the last successful load of the configuration, in seconds since 1970.",
		},
		reloads: {
			"dhcp_relay_config_reloads_total", "counter",
			[]string{"result"},
			"Attempts to reload the configuration by result: success, or failure, after which the former one stays.",
		},
		configInfo: {
			"dhcp_relay_config_info", "gauge",
			[]string{"hash"},
			"1 for the hash of the configuration in effect.",
		},
		configInterfaces: {
			"dhcp_relay_config_interfaces", "gauge",
			nil,
			"Number of [[interface]] in the configuration in effect; 0 where it says that nothing is to be relayed.",
		},
		configDiffers: {
			"dhcp_relay_config_file_differs", "gauge",
			nil,
			"1 if the configuration file on disk is not what is in effect, as of some seconds ago.",
		},
		configUnloadable: {
			"dhcp_relay_config_file_refused", "gauge",
			nil,
			"1 if the configuration file on disk would be refused, so that the relay could not be started with it.",
		},
		listenerUp: {
			"dhcp_relay_listener_up", "gauge",
			[]string{"listener"},
			"1 if the listener of [metrics] or [control] works, 0 while it cannot be opened; relaying does not depend on it.",
		},
		httpRefused: {
			"dhcp_relay_http_refused_total", "counter",
			[]string{"listener", "reason"},
			"What a listener did not serve. Connections: full, all are taken; idle, hung up on for a new one. Requests: busy, as many are served already; slow, cut off for a new one; host, they name another host, as DNS rebinding does; auth, they come with a wrong user or password.",
		},
		listening: {
			"dhcp_relay_listening_sockets", "gauge",
			[]string{"origin"},
			"Sockets that hear the messages of one family on one port in one VRF: opened by this process, or taken_over from a former one at the start, with what had come meanwhile.",
		},
		confined: {
			"dhcp_relay_confined", "gauge",
			[]string{"by"},
			"1 if the daemon has given up what it does not need: files by landlock, system calls by seccomp, privileges of other programs by no_new_privileges; 0 if this host or relay.confine keeps it from that.",
		},
		probeSuccess: {
			"dhcp_relay_probe_success", "gauge",
			[]string{"interface", "server", "vrf"},
			"1 if the server offered an address to the latest probe of the interface, 0 if it did not; see probe_interval.",
		},
		probeDuration: {
			"dhcp_relay_probe_duration_seconds", "gauge",
			[]string{"interface", "server", "vrf"},
			"Time until the server answered the latest probe of the interface; absent if it did not.",
		},
		buildInfo: {
			"dhcp_relay_build_info", "gauge",
			[]string{"goversion", "revision", "version"},
			"1 for the version of the daemon that runs.",
		},
	}
}
