package status

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/observe/health"
	"dhcp-relay/relay/offload"
	"dhcp-relay/relay/senderror"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

func server(addr string) count.ServerID { return count.ServerID{Addr: netip.MustParseAddrPort(addr)} }

// A scene is an Input in the making: what has happened between its start and a
// minute later.
type scene struct {
	in       Input
	messages []messages
	servers  []exchange
	noReply  int // requests of vlan20 that no server has answered
	kernel   [dhcp.Families]uint64
	errors   []count.SendError
}

// A messages is how many have come to the same.
type messages struct {
	Interface string
	Family    dhcp.Family
	Direction dhcp.Direction
	Outcome   agent.Reason
	Count     uint64
	Refusal   bool // they are DHCPNAKs
}

// An exchange is what goes to a server and comes from it.
type exchange struct {
	count.ServerID
	Copies, Replies, Failures, Unanswered uint64
	Response                              []time.Duration
	Strange                               bool       // its clients are answered by nobody knows whom
	From                                  netip.Addr // that its replies come from
	Silent                                bool       // it has answered, and then no more
}

// health plays what it says of the server, half a minute long.
func (e *exchange) health(h *health.Server) {
	now := time.Second
	if e.Replies > 0 {
		now = 20 * time.Second
		h.Replied(1, e.From, now)
	}
	if e.Replies == 0 || e.Silent {
		h.Asked(int(e.Copies+e.Failures), 1, 0, now)
	}
	if e.Failures > 0 && e.Copies == 0 {
		h.Refused(now)
	}
	if e.Strange {
		h.Strange(now)
	}
	h.Judge(30*time.Second, after(30*time.Second))
}

// healthy is a relay with nothing wrong: two interfaces, and a server of each
// family that answers.
func healthy() *scene {
	v4, v6 := server("10.9.0.2:67"), server("[2001:db8:9::2]:547")
	link := func(name string, f dhcp.Family, a string, s count.ServerID) Link {
		return Link{Name: name, Family: f, Address: netip.MustParseAddr(a), Servers: []count.ServerID{s}}
	}
	s := &scene{in: Input{
		Version: "1.0", Host: "r1", Started: epoch(), Now: after(time.Minute),
		Config: Config{File: "/etc/dhcp-relay/relay.toml", OK: true, Loaded: epoch(), Hash: "0123456789abcdef", Tried: epoch()},
		Links: []Link{
			link("vlan10", dhcp.V4, "10.1.0.1", v4),
			link("vlan20", dhcp.V4, "10.2.0.1", v4),
			link("vlan10", dhcp.V6, "2001:db8:1::1", v6),
		},
		Servers: []count.ServerID{v4, v6},
		Ways: map[count.ServerID]offload.Verdict{
			v4: {Reason: offload.Virtual, Device: "u0", Kind: "veth"},
			v6: {Reason: offload.Virtual, Device: "u0", Kind: "veth"},
		},
		Recorder: Recorder{On: true, Messages: 1000},
		Confinement: Confinement{
			On: true, Capabilities: []string{"CAP_NET_BIND_SERVICE", "CAP_NET_RAW"}, NoNewPrivs: true, Seccomp: true, Landlock: 6,
		},
	}}
	for i := range s.in.Links {
		s.flow(s.in.Links[i].Name, s.in.Links[i].Family, 20, 20)
	}
	h := slices.Concat(slices.Repeat([]time.Duration{time.Millisecond}, 10), slices.Repeat([]time.Duration{10 * time.Millisecond}, 20), slices.Repeat([]time.Duration{100 * time.Millisecond}, 10))
	s.servers = []exchange{
		{ServerID: v4, Copies: 40, Replies: 40, Response: h},
		{ServerID: v6, Copies: 20, Replies: 20, Response: h},
	}
	return s
}

// flow sets how many messages an interface has relayed.
func (s *scene) flow(link string, f dhcp.Family, requests, replies uint64) {
	s.messages = slices.DeleteFunc(s.messages, func(m messages) bool { return m.Interface == link && m.Family == f })
	s.messages = append(s.messages,
		messages{link, f, dhcp.Requests, agent.Relayed, requests, false},
		messages{link, f, dhcp.Replies, agent.Relayed, replies, false})
}

func (s *scene) drop(link string, f dhcp.Family, d dhcp.Direction, r agent.Reason, n uint64) {
	s.messages = append(s.messages, messages{link, f, d, r, n, false})
}

// report reads the counters half a minute after the start.
func (s *scene) report() Report {
	t := count.New()
	var r count.Recent
	r.Read(epoch(), t, nil)
	s.count(t)
	r.Read(after(30*time.Second), t, s.errors)
	s.in.Counts = r.At(s.in.Now)
	return Build(s.in)
}

// count counts what has happened.
func (s *scene) count(t *count.Table) {
	for _, m := range s.messages {
		typ := uint8(1)
		if m.Refusal {
			typ = uint8(bootp.Nak)
		}
		for range m.Count {
			t.Link(m.Interface).Count(m.Family, m.Direction, typ, m.Outcome)
		}
	}
	for range s.noReply {
		t.Link("vlan20").Unanswered(dhcp.V4)
	}
	for _, e := range s.servers {
		c := t.Server(e.Addr, e.VRF)
		c.Copies.Add(e.Copies)
		c.Replies.Add(e.Replies)
		c.Failures.Add(e.Failures)
		c.NoReply.Add(e.Unanswered)
		for _, d := range e.Response {
			c.Answered(d)
		}
		e.health(&c.Health)
	}
	for f, n := range s.kernel {
		t.SetSocketDrops(dhcp.Family(f), func() uint64 { return n })
	}
}

func after(d time.Duration) time.Time { return epoch().Add(d) }

func TestHealthyRelayHasNoFindings(t *testing.T) {
	t.Parallel()
	r := healthy().report()
	if len(r.Findings) > 0 {
		t.Errorf("findings: %+v", r.Findings)
	}
	want := Server{
		Address: "10.9.0.2:67", Family: dhcp.V4, Copies: count.Number{Total: 40, Recent: 40}, Replies: count.Number{Total: 40, Recent: 40},
		Segmentation: &Segmentation{Reason: "virtual", Device: "u0", Text: "bursts leave datagram by datagram, without UDP GSO: u0 (veth) has no network card behind it and would hand them on uncut"},
		AnswerRatio:  new(1.0), Response: &Response{0.0075, 0.08, 0.098}, State: StateAnswering, Verdict: "It answers.",
		Since: new(after(30 * time.Second)), LastReply: new(after(20 * time.Second)),
	}
	about := cmp.Comparer(func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 })
	if diff := cmp.Diff(want, r.Servers[0], about); diff != "" {
		t.Errorf("server (-want +got):\n%s", diff)
	}
	wantLink := Interface{
		Name: "vlan10", Family: dhcp.V4, State: agent.Relaying, Address: "10.1.0.1", Servers: []ServerName{{Address: "10.9.0.2:67"}},
		Requests: Flow{Received: 20, Relayed: 20, RecentRelayed: 20}, Replies: Flow{Received: 20, Relayed: 20, RecentRelayed: 20},
		LastHeard: after(30 * time.Second), LastReply: after(30 * time.Second),
	}
	if diff := cmp.Diff(wantLink, r.Interfaces[0]); diff != "" {
		t.Errorf("interface (-want +got):\n%s", diff)
	}
	if r.Uptime != 60 || r.Window != 60 {
		t.Errorf("up %v, recent %v", r.Uptime, r.Window)
	}
}

// TestFindings names for each trouble the words that an operator needs.
func TestFindings(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		spoil func(*scene)
		kind  string
		sev   Severity
		subj  string
		words []string // in text or do
	}{
		{
			"no giaddr",
			func(s *scene) {
				l := &s.in.Links[1]
				l.State, l.Address, l.Problem = agent.NoAddress, netip.Addr{}, "no usable address"
			},
			"interface_no_address", Error, "interface vlan20 (DHCPv4)",
			[]string{"giaddr", "no usable address", "Give the interface an IPv4 address"},
		},
		{
			"no link-address",
			func(s *scene) { s.in.Links[2].State = agent.NoAddress },
			"interface_no_address", Error, "interface vlan10 (DHCPv6)",
			[]string{"link-address", "Give the interface a global IPv6 address"},
		},
		{
			"duplicate link-address",
			func(s *scene) {
				l := &s.in.Links[2]
				l.State, l.Problem = agent.NoAddress, "no usable address: 2001:db8:20::1 is a duplicate on the link"
				l.Hint = "Find the other host on the link."
			},
			"interface_no_address", Error, "interface vlan10 (DHCPv6)",
			[]string{"2001:db8:20::1 is a duplicate on the link", "Find the other host on the link"},
		},
		{
			"no IPv6 link-local address",
			func(s *scene) {
				s.in.Links[2].State, s.in.Links[2].Problem = agent.NoLinkLocal, "it has no IPv6 link-local address"
			},
			"interface_no_link_local", Error, "interface vlan10 (DHCPv6)",
			[]string{"Replies cannot be sent to its clients: it has no IPv6 link-local address.", "ip address add fe80::1/64 dev vlan10", "addr_gen_mode"},
		},
		{
			"interface down",
			func(s *scene) { s.in.Links[1].State = agent.Down },
			"interface_down", Warn, "interface vlan20 (DHCPv4)",
			[]string{"down or has no carrier", "ip link set vlan20 up"},
		},
		{
			"port of a bridge",
			func(s *scene) {
				l := &s.in.Links[1]
				l.State, l.Master, l.Problem = agent.Member, "br0", "is a port of br0, where its packets are heard"
			},
			"interface_member", Error, "interface vlan20 (DHCPv4)",
			[]string{"vlan20 is a port of br0, where its packets are heard", "Name br0 instead of vlan20"},
		},
		{
			"name that is none",
			func(s *scene) {
				l := &s.in.Links[1]
				l.Name, l.State, l.Problem, l.Hint = "vlan20@eth0", agent.Missing, "no interface is called so", `write "vlan20"`
			},
			"interface_missing", Warn, "interface vlan20@eth0 (DHCPv4)",
			[]string{"no interface is called so", `Write "vlan20".`},
		},
		{
			"interface missing",
			func(s *scene) { s.in.Links[1].State = agent.Missing },
			"interface_missing", Warn, "interface vlan20 (DHCPv4)",
			[]string{"no interface of this name", "correct the name"},
		},
		{
			"pattern matches nothing",
			func(s *scene) { s.in.Links[1].Name, s.in.Links[1].State = "wlan*", agent.Missing },
			"interface_unmatched", Info, "interface wlan* (DHCPv4)",
			[]string{"No interface matches this pattern"},
		},
		{
			"configuration refused",
			func(s *scene) {
				s.in.Config.OK, s.in.Config.Error = false, "relay.toml:3:1: no such key\nrelay.toml:9:1: no such key"
			},
			"config_refused", Error, "configuration /etc/dhcp-relay/relay.toml",
			[]string{"refused at the last reload", "2026-11-22T08:00:00Z still holds", "relay.toml:3:1: no such key (and 1 line more)", "dhcp-relay check --config /etc/dhcp-relay/relay.toml"},
		},
		{
			"file changed, not loaded",
			func(s *scene) { s.in.Config.OnDisk, s.in.Config.Changed = FileChanged, after(10*time.Second) },
			"config_changed", Warn, "configuration /etc/dhcp-relay/relay.toml",
			[]string{"what it says now is not in effect", "seen 50 seconds ago", "dhcp-relay reload"},
		},
		{
			"file changed, would be refused",
			func(s *scene) {
				s.in.Config.OnDisk, s.in.Config.OnDiskError = FileRefused, "relay.toml:3:1: no such key\nrelay.toml:9:1: no such key"
			},
			"config_unloadable", Error, "configuration /etc/dhcp-relay/relay.toml",
			[]string{"would be refused", "relay.toml:3:1: no such key (and 1 line more)", "dhcp-relay check --config /etc/dhcp-relay/relay.toml"},
		},
		{
			"listener that cannot be opened",
			func(s *scene) {
				s.in.Listeners = []Listener{{Name: "metrics", Address: "192.0.2.7:9867", Since: epoch(), Error: "cannot assign requested address", Do: "Nothing, if it is to come."}}
			},
			"listener", Warn, "metrics on 192.0.2.7:9867",
			[]string{"since 2026-11-22T08:00:00Z", "relaying goes on", "cannot assign requested address", "Nothing, if it is to come."},
		},
		{
			"listener that is full",
			func(s *scene) {
				s.in.Listeners = []Listener{{Name: "metrics", Address: "127.0.0.1:9867", Open: true, Refused: []Refused{
					{RefusedFull, 7, s.in.Now.Add(-50 * time.Second)}, {RefusedBusy, 8, s.in.Now.Add(-2 * time.Minute)},
				}}}
			},
			"listener_refuses", Warn, "metrics on 127.0.0.1:9867",
			[]string{"all are taken", `7 since the start (reason "full")`, "metrics.listen"},
		},
		{
			"control socket that is busy",
			func(s *scene) {
				s.in.Listeners = []Listener{{Name: "control", Address: "/run/s", Open: true, Refused: []Refused{{RefusedBusy, 1, s.in.Now}}}}
			},
			"listener_refuses", Warn, "control on /run/s",
			[]string{"as many of their kind", "dhcp-relay trace"},
		},
		{
			"name of a stranger",
			func(s *scene) {
				s.in.Listeners = []Listener{{Name: "metrics", Address: "127.0.0.1:9867", Open: true, Refused: []Refused{{RefusedHost, 1, s.in.Now}}}}
			},
			"listener_refuses", Info, "metrics on 127.0.0.1:9867",
			[]string{"DNS rebinding", "/etc/hosts"},
		},
		{
			"nothing relayed, by choice",
			func(s *scene) { s.in.Config.None = true },
			"config_none", Info, "configuration /etc/dhcp-relay/relay.toml",
			[]string{"by choice", `interfaces = "none"`, "Write an [[interface]]"},
		},
		{
			"silent server",
			func(s *scene) {
				s.servers[0].Replies, s.servers[0].Unanswered = 0, 40
				s.flow("vlan10", dhcp.V4, 20, 0)
				s.flow("vlan20", dhcp.V4, 20, 0)
			},
			"server_silent", Error, "server 10.9.0.2",
			[]string{"does not answer", "40 requests since 08:00:01 UTC, and not one answer", "ip route get 10.9.0.2", "UDP port 67", "route back to the giaddr 10.1.0.1, 10.2.0.1"},
		},
		{
			"silent DHCPv6 server",
			func(s *scene) {
				s.servers[1].Replies = 0
				s.flow("vlan10", dhcp.V6, 20, 0)
			},
			"server_silent", Error, "server 2001:db8:9::2",
			[]string{"UDP port 547", "subnet for the link-address 2001:db8:1::1"},
		},
		{
			"silent server of two",
			func(s *scene) {
				second := count.ServerID{Addr: netip.MustParseAddrPort("10.9.0.3:1067"), VRF: "red"}
				s.in.Servers = append(s.in.Servers, second)
				s.in.Links[0].Servers = append(s.in.Links[0].Servers, second)
				s.servers = append(s.servers, exchange{ServerID: second, Copies: 20, Unanswered: 10})
			},
			"server_silent", Warn, "server 10.9.0.3:1067 in VRF red",
			[]string{"other servers answer the same clients", "ip route get 10.9.0.3 vrf red"},
		},
		{
			"server that is silent after it has answered",
			func(s *scene) { s.servers[0].Silent = true },
			"server_silent", Error, "server 10.9.0.2",
			[]string{"does not answer", "answered until 08:00:20 UTC, 40 requests since without an answer"},
		},
		{
			"server that answers from another address",
			func(s *scene) { s.servers[0].From = netip.MustParseAddr("10.9.0.77") },
			"server_elsewhere", Info, "server 10.9.0.2",
			[]string{"another address", "from 10.9.0.77", `answers_from = ["10.9.0.77"]`},
		},
		{
			"servers of which nobody can tell which one answers",
			func(s *scene) { s.servers[0].Replies, s.servers[0].Strange = 0, true },
			"server_uncredited", Warn, "server 10.9.0.2",
			[]string{"nobody can tell which server", "40 requests since 08:00:01 UTC", "answers_from"},
		},
		{
			"slow server",
			func(s *scene) { s.servers[0].Response = slices.Repeat([]time.Duration{3 * time.Second}, 8) },
			"server_slow", Warn, "server 10.9.0.2",
			[]string{"answers late", "more than 1.5 seconds", "load"},
		},
		{
			"sockets that do not open",
			func(s *scene) { s.in.Failure = "listen on port 67: address already in use" },
			"sockets", Error, "sockets",
			[]string{"Not all sockets work", "address already in use"},
		},
		{
			"interfaces that cannot be read",
			func(s *scene) { s.in.Stale, s.in.StaleSince = "netlink receive: no buffer", epoch() },
			"interfaces_stale", Error, "all interfaces",
			[]string{"since 2026-11-22T08:00:00Z", "netlink receive: no buffer", "tries again each second"},
		},
		{
			"unreachable server",
			func(s *scene) {
				s.servers[0] = exchange{ServerID: s.in.Servers[0], Failures: 9}
			},
			"server_unreachable", Error, "server 10.9.0.2",
			[]string{"kernel refuses to send", "9 requests lost", "ip route get 10.9.0.2"},
		},
		{
			"server that answers few",
			func(s *scene) { s.servers[0].Replies, s.servers[0].Unanswered = 4, 30 },
			"server_partly", Warn, "server 10.9.0.2",
			[]string{"fewer than half", "4 replies, and 30 requests without", "no addresses left"},
		},
		{
			"server without a subnet for one interface",
			func(s *scene) {
				s.flow("vlan20", dhcp.V4, 20, 0)
				s.servers[0].Replies, s.servers[0].Unanswered = 20, 20
			},
			"interface_unanswered", Error, "interface vlan20 (DHCPv4)",
			[]string{"answer the requests of other interfaces", "20 requests went to 10.9.0.2", "subnet (scope) that holds the giaddr 10.2.0.1", "route back to 10.2.0.1"},
		},
		{
			"DHCPv6 server without a subnet for one interface",
			func(s *scene) { s.flow("vlan10", dhcp.V6, 20, 0) },
			"interface_unanswered", Error, "interface vlan10 (DHCPv6)",
			[]string{"subnet that holds the link-address 2001:db8:1::1"},
		},
		{
			"pool is empty",
			func(s *scene) { s.noReply = 8 },
			"interface_partly", Warn, "interface vlan20 (DHCPv4)",
			[]string{"8 requests of 20 messages", "addresses left in the subnet of 10.2.0.1"},
		},
		{
			"servers that refuse",
			func(s *scene) {
				s.flow("vlan20", dhcp.V4, 20, 10)
				s.messages = append(s.messages, messages{"vlan20", dhcp.V4, dhcp.Replies, agent.Relayed, 10, true})
			},
			"interface_refused", Info, "interface vlan20 (DHCPv4)",
			[]string{"10 refusals in 20 replies", "which subnet the server has for giaddr 10.2.0.1"},
		},
		{
			"one refusal",
			func(s *scene) {
				s.flow("vlan20", dhcp.V4, 3, 4)
				s.messages = append(s.messages, messages{"vlan20", dhcp.V4, dhcp.Replies, agent.Relayed, 1, true})
			},
			"interface_refused", Info, "interface vlan20 (DHCPv4)",
			[]string{"1 refusal in 5 replies"},
		},
		{
			"servers that do nothing but refuse",
			func(s *scene) {
				s.flow("vlan20", dhcp.V4, 20, 1)
				s.messages = append(s.messages, messages{"vlan20", dhcp.V4, dhcp.Replies, agent.Relayed, 9, true})
			},
			"interface_refused", Warn, "interface vlan20 (DHCPv4)",
			[]string{"9 refusals in 10 replies"},
		},
		{
			"receive buffer overrun",
			func(s *scene) { s.kernel[dhcp.V4] = 17 },
			"kernel_drops", Error, "receive buffer (DHCPv4)",
			[]string{"17 messages in the last 60 seconds", "net.core.rmem_max"},
		},
		{
			"no route to a server",
			func(s *scene) {
				s.errors = []count.SendError{{Error: senderror.ENETUNREACH, Towards: senderror.Servers, Count: 3}}
			},
			"send_ENETUNREACH", Error, "sending to servers",
			[]string{"There is no route to the server", "3 messages in the last 60 seconds (ENETUNREACH)", "Add a route"},
		},
		{
			"firewall towards clients",
			func(s *scene) {
				s.errors = []count.SendError{{Error: senderror.EPERM, Towards: senderror.Clients, Count: 1}}
			},
			"send_EPERM", Warn, "sending to clients",
			[]string{"firewall drops what the relay sends to clients", "1 message in", "output chain"},
		},
		{
			"a full neighbour table, towards clients too",
			func(s *scene) {
				s.errors = []count.SendError{{Error: senderror.NeighboursFull6, Towards: senderror.Clients, Count: 978}}
			},
			"send_neighbours_full_ipv6", Error, "sending to clients",
			[]string{"IPv6 neighbour table is full", "978 messages in", "net.ipv6.neigh.default.gc_thresh3"},
		},
		{
			"replies without frames",
			func(s *scene) {
				s.in.Unframed = "CAP_NET_RAW is missing"
				s.in.Links = append(s.in.Links, Link{Name: "vlan30", Family: dhcp.V6})
			},
			"unframed", Info, "replies to clients (DHCPv6)",
			[]string{"CAP_NET_RAW is missing", "gc_thresh3"},
		},
		{
			"no frames of clients, where one interface of two asks for them",
			func(s *scene) {
				s.in.Frameless = "CAP_BPF is missing"
				s.in.Links[0].Frame = true
			},
			"frames_unseen", Warn, "interface vlan10 (DHCPv4)",
			[]string{"{port} and {client_mac} are unknown", "CAP_BPF is missing", "Let the daemon have CAP_BPF"},
		},
		{
			"another program on the port",
			func(s *scene) {
				s.in.Rivals = []Rival{{67, "dnsmasq (pid 812) on 0.0.0.0:67", "of two that listen on every address, one loses unicast replies", false}}
			},
			"rival", Warn, "UDP port 67",
			[]string{"dnsmasq (pid 812) on 0.0.0.0:67; of two", "Stop that program"},
		},
		{
			"strict rp_filter towards clients",
			func(s *scene) { s.in.StrictPath = []string{"eth0", "vlan10"} },
			"rp_filter_client", Info, "rp_filter of vlan10",
			[]string{"has moved here", "net.ipv4.conf.vlan10.rp_filter = 2"},
		},
		{
			"strict rp_filter towards a silent server",
			func(s *scene) {
				s.servers[0].Replies = 0
				s.flow("vlan10", dhcp.V4, 20, 0)
				s.flow("vlan20", dhcp.V4, 20, 0)
				s.in.StrictPath = []string{"eth0"}
			},
			"rp_filter_server", Warn, "rp_filter of eth0",
			[]string{"replies that come in by another interface", "net.ipv4.conf.eth0.rp_filter = 2"},
		},
		{
			"recorder off",
			func(s *scene) { s.in.Recorder = Recorder{} },
			"recorder_off", Info, "flight recorder",
			[]string{"recorder.messages = 0", "trace"},
		},
		{
			"configuration and host disagree",
			func(s *scene) {
				s.in.Problems = []agent.Problem{{Interface: "vlan10", Text: "the server 10.1.0.1 is an address of this host", Hint: "name the server's own address"}}
			},
			"config_host", Warn, "interface vlan10",
			[]string{"the server 10.1.0.1 is an address of this host", "Name the server's own address."},
		},
		{
			"nothing heard",
			func(s *scene) {
				s.messages, s.servers = nil, nil
				s.in.Now = after(time.Hour)
			},
			"nothing_heard", Warn, "all interfaces",
			[]string{"60 minutes ago", "firewall"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := healthy()
			c.spoil(s)
			r := s.report()
			i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Kind == c.kind })
			if i < 0 {
				t.Fatalf("no %s among %+v", c.kind, r.Findings)
			}
			f := r.Findings[i]
			if f.Severity != c.sev || f.Subject != c.subj {
				t.Errorf("%s %q, want %s %q", f.Severity, f.Subject, c.sev, c.subj)
			}
			for _, w := range c.words {
				if !strings.Contains(f.Text+" "+f.Do, w) {
					t.Errorf("%q is missing in %q, %q", w, f.Text, f.Do)
				}
			}
		})
	}
}

// TestManyFindingsBecomeOne has 4,000 interfaces without an address.
func TestManyFindingsBecomeOne(t *testing.T) {
	t.Parallel()
	s := healthy()
	for i := range 4000 {
		name := fmt.Sprintf("port%d", i)
		s.in.Links = append(s.in.Links, Link{Name: name, Family: dhcp.V4, State: agent.NoAddress, Problem: name + ": no usable address", Servers: s.in.Servers[:1]})
		s.drop(name, dhcp.V4, dhcp.Requests, agent.NoGiaddr, 1)
	}
	r := s.report()
	var subjects []string
	for _, f := range r.Findings {
		subjects = append(subjects, f.Kind+" "+f.Subject)
	}
	want := []string{"interface_no_address 4000 interfaces (port0, port1, port2 and 3997 more)"}
	if diff := cmp.Diff(want, subjects); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := r.Interfaces[0].Reason; !strings.Contains(got, "port0: no usable address") {
		t.Errorf("the first interface says %q", got)
	}
	if last := r.Interfaces[len(r.Interfaces)-1]; last.Name != "vlan20" || last.Reason != "" {
		t.Errorf("the last interface is %+v", last)
	}
}

func TestReportIsOfListsInJSON(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(Build(Input{Config: Config{OK: true}, Recorder: Recorder{On: true}}))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), "null") {
		t.Errorf("null in %s", b)
	}
}

func TestNaturalOrder(t *testing.T) {
	t.Parallel()
	want := []string{"eth0", "vlan1", "vlan01", "vlan2", "vlan9.5", "vlan10", "vlan10.9", "vlan10.10", "vlan100", "wlan"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, natural)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
