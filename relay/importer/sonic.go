package importer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// A tree is a value of JSON with the line where it stands.
type tree struct {
	line   int
	text   string // of a scalar
	list   []*tree
	fields map[string]*tree
}

// at goes down the fields of an object; what is not there is empty.
func (t *tree) at(path ...string) *tree {
	for _, p := range path {
		if t = t.fields[p]; t == nil {
			return &tree{}
		}
	}
	return t
}

// values returns the words of a list, or of a text with commas.
func (t *tree) values() (all []word) {
	for _, e := range t.list {
		all = append(all, word{e.text, e.line})
	}
	for s := range strings.SplitSeq(t.text, ",") {
		if s = strings.TrimSpace(s); s != "" {
			all = append(all, word{s, t.line})
		}
	}
	return all
}

// deepest is how deep JSON may be.
const deepest = 64

// parseJSON reads a document with the lines of its values.
func parseJSON(text string) (*tree, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	at, n := 0, 1
	line := func() int {
		end := min(int(d.InputOffset()), len(text))
		n += strings.Count(text[at:end], "\n")
		at = end
		return n
	}
	var value func(depth int) (*tree, error)
	value = func(depth int) (*tree, error) {
		tok, err := d.Token()
		t := &tree{line: line()}
		if err != nil {
			return nil, err
		}
		if depth > deepest {
			return nil, errors.New("too deep")
		}
		switch v := tok.(type) {
		case json.Delim:
			if v == '{' {
				t.fields = map[string]*tree{}
			}
			for d.More() {
				name := ""
				if v == '{' {
					tok, err := d.Token()
					if err != nil {
						return nil, err
					}
					name = fmt.Sprint(tok)
				}
				child, err := value(depth + 1)
				if err != nil {
					return nil, err
				}
				if v == '{' {
					t.fields[name] = child
				} else {
					t.list = append(t.list, child)
				}
			}
			_, err := d.Token()
			return t, err
		case nil:
		default:
			t.text = fmt.Sprint(v)
		}
		return t, nil
	}
	t, err := value(0)
	if errors.Is(err, io.EOF) {
		err = errors.New("it ends too early")
	}
	if err != nil {
		return nil, lineError{line(), "JSON: " + err.Error()}
	}
	return t, nil
}

// readSONiC reads the relays of config_db.json. The tables of relays hold in place of
// what VLAN says.
func readSONiC(r *reader, text string) error {
	doc, err := parseJSON(text)
	if err != nil {
		return err
	}
	vlans, v4, v6 := doc.at("VLAN"), doc.at("DHCPV4_RELAY"), doc.at("DHCP_RELAY")
	names := map[string]bool{}
	for _, t := range []*tree{vlans, v4, v6} {
		for name := range t.fields {
			names[name] = true
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(names), byNumber) {
		r.sonic(doc, name, vlans.at(name), v4.at(name), v6.at(name))
	}
	return nil
}

// byNumber orders Vlan9 before Vlan10.
func byNumber(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// sonic carries one VLAN over.
func (r *reader) sonic(doc *tree, name string, vlan, v4, v6 *tree) {
	servers4 := v4.at("dhcpv4_servers").values()
	if len(servers4) == 0 {
		servers4 = vlan.at("dhcp_servers").values()
	}
	servers6 := append(v6.at("dhcpv6_servers").values(), v6.at("dhcpv6_servers@").values()...)
	if len(servers6) == 0 {
		servers6 = vlan.at("dhcpv6_servers").values()
	}
	if len(servers4)+len(servers6) == 0 {
		return
	}
	l := r.at(append(servers4, servers6...)[0].line, name)
	if l == nil {
		return
	}
	vrf := v4.at("server_vrf").text
	for _, s := range servers4 {
		if a, ok := r.destination(s.line, s.text, only4, ""); ok {
			l.add(a)
			r.vrf(s.line, a, vrf)
		}
	}
	for _, s := range servers6 {
		if a, ok := r.destination(s.line, s.text, only6, ""); ok {
			l.add(a)
		}
	}
	r.sonic4(doc, l, v4)
	r.sonic6(l, v6)
}

// sonic4 carries the settings of DHCPv4 over.
func (r *reader) sonic4(doc *tree, l *link, t *tree) {
	l.set["dhcpv4.option82.circuit_id"] = `"{hostname}:{port_alias}:{interface}"`
	l.set["dhcpv4.option82.remote_id"] = "true"
	r.differs("The port's alias in the circuit-id is \"unknown\" where the bridge does not know by which port a request came.")
	for _, k := range slices.Sorted(maps.Keys(t.fields)) {
		v := t.at(k)
		on := v.text == "enable" || v.text == "true"
		switch k {
		case "dhcpv4_servers", "server_vrf":
		case "source_interface":
			if name, why, do := r.rename(v.text); why != "" {
				r.cannot(v.line, why, do)
			} else {
				l.set["dhcpv4.giaddr"] = quoted(name)
			}
		case "link_selection":
			if on {
				l.set["dhcpv4.option82.link_selection"] = `"subnet"`
			}
		case "server_id_override":
			if on {
				l.set["dhcpv4.option82.server_id_override"] = "true"
				l.set["dhcpv4.option82.flags"] = "true"
			}
		case "vrf_selection":
			vrf := doc.at("VLAN_INTERFACE", l.name, "vrf_name").text
			if on && vrf != "" {
				r.identifier(v.line, l, "dhcpv4.option82.vss", vrf)
			} else if on {
				r.cannot(v.line, "vrf_selection: "+l.name+" has no vrf_name in VLAN_INTERFACE", "write vss in [interface.dhcpv4.option82]")
			}
		case "agent_relay_mode":
			r.sonicMode(l, v)
		case "max_hop_count":
			l.set["dhcpv4.hop_limit"] = number(r, v.line, k, v.text, 1, 16)
		default:
			r.cannot(v.line, k+" is not known here", "see relay.toml(5) for what comes near")
		}
	}
}

func (r *reader) sonicMode(l *link, v *tree) {
	words := map[string]string{"append": "append", "replace": "replace", "forward_and_append": "append", "forward_and_replace": "replace", "forward_untouched": "forward", "discard": ""}
	word, ok := words[v.text]
	switch {
	case !ok:
		r.cannot(v.line, v.text+" is no agent_relay_mode that is known here", "write relayed_requests in [interface.dhcpv4]")
	case word != "":
		l.set["trusted"] = "true"
		l.set["dhcpv4.relayed_requests"] = quoted(word)
	}
}

// sonic6 carries the settings of DHCPv6 over.
func (r *reader) sonic6(l *link, t *tree) {
	for _, k := range slices.Sorted(maps.Keys(t.fields)) {
		v := t.at(k)
		switch k {
		case "dhcpv6_servers", "dhcpv6_servers@", "interface_id", "dhcpv6_option|interface_id":
		case "rfc6939_support", "dhcpv6_option|rfc6939_support":
			if v.text == "false" {
				l.set["dhcpv6.client_mac"] = "false"
			}
		default:
			r.cannot(v.line, k+" is not known here", "see relay.toml(5) for what comes near")
		}
	}
}
