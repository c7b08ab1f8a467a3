package importer

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// A node is an element of XML with the line where it begins.
type node struct {
	name     string
	line     int
	text     string
	attrs    map[string]string
	children []*node
}

// parseXML reads a document into nodes.
func parseXML(text string) (*node, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	root := &node{}
	stack := []*node{root}
	for {
		t, err := d.Token()
		line, _ := d.InputPos()
		switch {
		case errors.Is(err, io.EOF):
			return root, nil
		case err != nil:
			return nil, lineError{line, "XML: " + err.Error()}
		}
		top := stack[len(stack)-1]
		switch t := t.(type) {
		case xml.StartElement:
			n := &node{name: t.Name.Local, line: line, attrs: map[string]string{}}
			for _, a := range t.Attr {
				n.attrs[a.Name.Local] = a.Value
			}
			top.children = append(top.children, n)
			stack = append(stack, n)
		case xml.EndElement:
			top.text = strings.TrimSpace(top.text)
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.text += string(t)
		}
	}
}

// all returns the children of a name.
func (n *node) all(name string) (found []*node) {
	for _, c := range n.children {
		if c.name == name {
			found = append(found, c)
		}
	}
	return found
}

// find goes down the first children of these names; without them it returns an
// empty node.
func (n *node) find(path ...string) *node {
	for _, name := range path {
		found := n.all(name)
		if len(found) == 0 {
			return &node{}
		}
		n = found[0]
	}
	return n
}

// readOPNsense reads config.xml: the relays of OPNsense, and those of its older
// releases and of pfSense.
func readOPNsense(r *reader, text string) error {
	doc, err := parseXML(text)
	if err != nil {
		return err
	}
	root := doc
	if len(doc.children) == 1 {
		root = doc.children[0]
	}
	o := &opnsense{reader: r, root: root}
	relay := root.find("OPNsense", "DHCRelay")
	if root.name == "DHCRelay" {
		relay = root
	}
	for _, n := range relay.all("relays") {
		o.relay(relay, n)
	}
	o.former(root.find("dhcrelay"), only4)
	o.former(root.find("dhcrelay6"), only6)
	return nil
}

type opnsense struct {
	*reader
	root *node
}

// relay carries one relay over.
func (o *opnsense) relay(all, n *node) {
	if n.find("enabled").text != "1" {
		return
	}
	dest := n.find("destination")
	var servers *node
	for _, d := range all.all("destinations") {
		if d.attrs["uuid"] == dest.text {
			servers = d.find("server")
		}
	}
	if servers == nil {
		o.cannot(dest.line, "there is no destination "+dest.text, "write an [[interface]] with its servers")
		return
	}
	l := o.link(n.find("interface"))
	if l == nil {
		return
	}
	o.add(l, servers, either)
	o.option82(l, n)
	for _, c := range n.children {
		switch c.name {
		case "enabled", "interface", "destination", "agent_info", "circuit_id", "remote_id", "description":
		case "carp_depend_on":
			if c.text != "" {
				o.cannot(c.line, "the relay is to run while "+c.text+" is master alone", "run it on both routers: each answers what it has relayed")
			}
		default:
			if c.text != "" && c.text != "0" {
				o.cannot(c.line, c.name+" is not known here", "see relay.toml(5) for what comes near")
			}
		}
	}
}

func (o *opnsense) option82(l *link, n *node) {
	if n.find("agent_info").text != "1" {
		l.set["dhcpv4.option82"] = "false"
		return
	}
	if id := n.find("circuit_id"); id.text != "" {
		o.identifier(id.line, l, "dhcpv4.option82.circuit_id", id.text)
	} else {
		o.differs("The circuit-id is the interface's name; OPNsense sends its index, and as the remote-id the relay's address.")
	}
	if id := n.find("remote_id"); id.text != "" {
		o.identifier(id.line, l, "dhcpv4.option82.remote_id", id.text)
	} else {
		l.set["dhcpv4.option82.remote_id"] = `"{giaddr:raw}"`
	}
}

// former carries the section of an older release over.
func (o *opnsense) former(n *node, f family) {
	if len(n.all("enable")) == 0 {
		return
	}
	for name := range strings.SplitSeq(n.find("interface").text, ",") {
		at := *n.find("interface")
		at.text = strings.TrimSpace(name)
		l := o.link(&at)
		if l == nil {
			continue
		}
		o.add(l, n.find("server"), f)
		switch {
		case f == only6:
		case len(n.all("agentoption")) == 0:
			l.set["dhcpv4.option82"] = "false"
		}
	}
	if v := n.find("carpstatusvip"); v.text != "" && v.text != "none" {
		o.cannot(v.line, "the relay is to run while "+v.text+" is master alone", "run it on both routers: each answers what it has relayed")
	}
}

func (o *opnsense) add(l *link, servers *node, f family) {
	for s := range strings.SplitSeq(servers.text, ",") {
		if a, ok := o.destination(servers.line, strings.TrimSpace(s), f, ""); ok {
			l.add(a)
		}
	}
	o.differs("The relay of OPNsense sends DHCPv6 with the link-local address as link-address; here it is the global one, by which servers can choose.")
}

// link returns the link of an interface such as opt1, which the document says the
// device and the VLAN of.
func (o *opnsense) link(n *node) *link {
	dev := o.root.find("interfaces", n.text, "if").text
	descr := o.root.find("interfaces", n.text, "descr").text
	for _, name := range []string{n.text, dev} {
		if _, ok := o.options.Names.find(name); ok {
			return o.at(n.line, name)
		}
	}
	for _, v := range o.root.find("vlans").all("vlan") {
		if tag := v.find("tag").text; dev != "" && v.find("vlanif").text == dev && tag != "" && strings.Trim(tag, "0123456789") == "" {
			l := o.named(n.line, "vlan"+tag, n.text)
			if l != nil {
				l.describe(descr)
			}
			return l
		}
	}
	return o.at(n.line, n.text)
}
