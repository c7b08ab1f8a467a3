package config

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"dhcp-relay/relay/wire/duid"
)

// A file is what the whole file says, before its parts are held against each
// other.
type file struct {
	hostname     string
	duid         []byte
	none         bool // nothing is to be relayed
	replySources []netip.Prefix
	metrics      Metrics
	control      Control
	recorder     Recorder
	relay        relaying
	log          log
	defaults     settings
	servers      []server
	groups       []*serverGroup
	classes      []*clientClass
	interfaces   []settings
}

// builtinFile returns what an empty file says.
func builtinFile() file {
	f := builtin(topKeys())
	f.metrics = builtin(metricsKeys())
	f.control = builtin(controlKeys())
	f.recorder = builtin(recorderKeys())
	f.relay = builtin(relayKeys())
	f.log = builtin(logKeys())
	f.defaults = builtin(interfaceKeys())
	f.defaults.V4 = builtin(dhcpv4Keys())
	f.defaults.V4.Option82 = builtin(option82Keys())
	f.defaults.V4.Option82.On = true
	f.defaults.V6 = builtin(dhcpv6Keys())
	return f
}

// topKeys are the keys of the file in the order in which they are read.
func topKeys() []key[file] {
	return []key[file]{
		{
			"hostname", `""`, `a name of at most 64 octets, or "" for the host's own`,
			"What {hostname} stands for in identifiers such as circuit_id.",
			readHostname,
		},
		{
			"duid", `""`, `octets such as "00:03:00:01:02:00:00:00:00:01", or "" for one that the relay makes once and keeps`,
			"The name of this relay in DHCPv6, unique in the world and stable (RFC 9915, section 11).",
			readDUID,
		},
		{
			"reply_sources", "[]", `a list of addresses and prefixes, such as ["10.9.1.7", "10.9.2.0/24"]`,
			"Who may reply beside the configured servers. Without any, everyone may whose reply answers an open request and does not come from a client-facing interface.",
			readReplySources,
		},
		{
			"interfaces", `"listed"`, `"listed" for those of [[interface]], of which there must be one, or "none" to relay nothing`,
			"Which interfaces are served. A file without any [[interface]] is refused unless it says none: it may have been cut short.",
			readNone,
		},
		{
			"metrics", "", "a table [metrics]",
			"Where Prometheus finds the metrics, and people the status page.",
			func(r *reader, v value, to *file) { readTable(r, metricsKeys(), v, &to.metrics) },
		},
		{
			"control", "", "a table [control]",
			"Where the commands status, trace, record and log-level find the daemon.",
			func(r *reader, v value, to *file) { readTable(r, controlKeys(), v, &to.control) },
		},
		{
			"recorder", "", "a table [recorder]",
			"The flight recorder: the last messages, dropped ones included.",
			func(r *reader, v value, to *file) { readTable(r, recorderKeys(), v, &to.recorder) },
		},
		{
			"log", "", "a table [log]",
			"What is logged, and how.",
			func(r *reader, v value, to *file) { readTable(r, logKeys(), v, &to.log) },
		},
		{
			"relay", "", "a table [relay]",
			"How messages are moved, on every interface.",
			func(r *reader, v value, to *file) { readTable(r, relayKeys(), v, &to.relay) },
		},
		{
			"defaults", "", "a table [defaults]",
			"What each interface does unless it says otherwise.",
			func(r *reader, v value, to *file) {
				r.takeFormer("defaults", v)
				readTable(r, interfaceKeys(), v, &to.defaults)
			},
		},
		{
			"server", "", "tables [[server]], each with an address",
			"More about a server that interfaces list. Needed only where this differs from what stands here.",
			readServers,
		},
		{
			"server_group", "", "tables [[server_group]], each with a name",
			"Servers among which the relay chooses, for interfaces to list by the group's name.",
			readGroups,
		},
		{
			"class", "", "tables [[class]], each with a name",
			"Classes of clients, by what their requests say of them: all that is given must hold, and of several classes the first one holds. Replies have none.",
			readClasses,
		},
		{
			"interface", "", "tables [[interface]], each with a name",
			"The interfaces to serve. The one with an interface's name holds for it, or else the first whose pattern matches.",
			readInterfaces,
		},
	}
}

func readHostname(r *reader, v value, to *file) {
	s, ok := r.text(v)
	if ok && len(s) > maxHostname {
		r.fail(v, "", "this name has %d octets", len(s))
		return
	}
	to.hostname = s
}

func readDUID(r *reader, v value, to *file) {
	s, ok := r.text(v)
	if !ok || s == "" {
		return
	}
	d, err := duid.Parse(s)
	if err != nil {
		r.refuse(v, err)
		return
	}
	to.duid = d
}

// readNone has a hint of its own for those who list their interfaces in it.
func readNone(r *reader, v value, to *file) {
	if _, ok := v.any.(string); !ok {
		r.fail(v, listedHint(v.any), "%s", describeType(v.any))
		return
	}
	either(func(f *file) *bool { return &f.none }, "listed", "none")(r, v, to)
}

func readReplySources(r *reader, v value, to *file) { to.replySources = r.prefixes(v) }

// prefixes reads a list of addresses and prefixes.
func (r *reader) prefixes(v value) (all []netip.Prefix) {
	list, _ := r.list(v, `an address such as "10.9.1.7", or a prefix such as "10.9.2.0/24"`)
	for _, v := range list {
		if p, ok := r.prefix(v); ok {
			all = append(all, p)
		}
	}
	return all
}

// prefix reads a prefix, or an address as a prefix of full length.
func (r *reader) prefix(v value) (p netip.Prefix, ok bool) {
	s, ok := r.text(v)
	if !ok {
		return p, false
	}
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil || p.Addr().Is4In6():
		r.fail(v, "", "%q is neither address nor prefix", s)
		return p, false
	case p != p.Masked():
		r.fail(v, "write "+strconv.Quote(p.Masked().String()), "%q has bits beyond its length", s)
		return p, false
	}
	return p, true
}

func readServers(r *reader, v value, to *file) {
	if len(stringsOf(v.any)) > 0 {
		r.fail(v, foreign("", "servers", v.any), "%s", describeType(v.any))
		return
	}
	list, _ := r.list(v, "a table")
	for _, v := range list {
		s := builtin(serverKeys())
		s.path = v.path
		if !readTable(r, serverKeys(), v, &s) {
			continue
		}
		if !r.src.has(v.path+".address") && !r.lost {
			r.wrong(v.path, "this server has no address", `write address = "10.9.0.2", as interfaces list it`)
		}
		r.checkWay(&s)
		to.servers = append(to.servers, s)
	}
}

// checkWay finds out which interface leads to a server.
func (r *reader) checkWay(s *server) {
	a := s.addr.Addr()
	switch {
	case s.host.name != "" && s.link != "":
		r.wrong(s.path+".interface", "the route leads to what "+s.host.name+" means", "remove it; it is for link-local addresses and multicast groups")
	case !a.IsValid(), a.IsMulticast():
	case !local(a) && s.link != "":
		r.wrong(s.path+".interface", "the route leads to "+a.String(), "remove it; it is for link-local addresses and multicast groups")
	case !local(a):
	case a.Zone() == "" && s.link == "":
		if !r.failed(join(s.path, "interface")) {
			r.wrong(s.path+".address", a.String()+" is link-local, and nothing says on which interface it is", `write interface = "..." beside it`)
		}
	case a.Zone() == "":
		s.addr = on(s.addr, s.link)
	case s.link != "" && s.link != a.Zone():
		r.wrong(s.path+".interface", a.String()+" is on "+a.Zone()+", not on "+s.link, "remove it, or %"+a.Zone())
	default:
		s.link = a.Zone()
	}
}

func readInterfaces(r *reader, v value, to *file) {
	if m, ok := v.any.(map[string]any); ok {
		r.fail(v, tableHint(m), "%s, and there may be many", describeType(m))
		return
	}
	list, _ := r.list(v, "a table")
	keys := append([]key[settings]{nameKey(), descriptionKey()}, interfaceKeys()...)
	for _, v := range list {
		s := to.defaults
		s.path = v.path
		r.takeFormer("interface", v)
		if !readTable(r, keys, v, &s) {
			continue
		}
		if at := v.path + ".name"; !r.src.has(at) && !r.lost && !r.failed(at) {
			r.wrong(v.path, "this interface has no name", `write name = "vlan10", or a pattern such as name = "vlan*"`)
		}
		to.interfaces = append(to.interfaces, s)
	}
}

// tableHint says what to write for [interface] and [interface.vlan10].
func tableHint(m map[string]any) string {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if _, ok := m[name].(map[string]any); ok && !strings.HasPrefix(name, "dhcpv") {
			return "write [[interface]] for each, and below it name = " + strconv.Quote(name)
		}
	}
	return "write [[interface]]"
}
