package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/explain"
	"dhcp-relay/relay/observe/capture"
)

// capture explains the messages of a file, in their order.
func (f *explainFlags) capture(c *cobra.Command, path string, r *explain.Relay, links *hostLinks, p *printer) error {
	ear, err := newEar(links, f.client.Interface, f.maps)
	if err != nil {
		return err
	}
	file, name := c.InOrStdin(), "standard input"
	if path != "-" {
		opened, err := os.Open(path)
		if err != nil {
			return plain(err)
		}
		defer opened.Close() //nolint:errcheck // nothing was written
		file, name = opened, path
	}
	packets, err := capture.NewReader(file)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	fragments, frames := 0, 0
	for {
		k, err := packets.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		frames++
		if k.Skip == capture.Fragment && !k.Src.IsValid() {
			fragments++
		}
		if !concerns(&k, r) {
			continue
		}
		res, err := explainPacket(&k, r, ear)
		if err != nil {
			return fmt.Errorf("%s: frame %d: %w", name, k.Number, err)
		}
		if err := p.print(&res); err != nil {
			return err
		}
	}
	if fragments > 0 {
		fmt.Fprintf(c.ErrOrStderr(), "note: %s: %d later fragments of datagrams were not looked at\n", name, fragments)
	}
	if p.n == 0 {
		return fmt.Errorf("%s: there is no DHCP message in it (frames: %d); capture UDP ports 67, 68, 546 and 547", name, frames)
	}
	return nil
}

// concerns reports whether a frame is about DHCP.
func concerns(k *capture.Packet, r *explain.Relay) bool {
	if !k.Src.IsValid() {
		return false
	}
	ports := []uint16{67, 547}
	if k.Src.Addr().Is4() {
		ports[1] = 68
	} else {
		ports[0] = 546
	}
	return slices.Contains(ports, k.Src.Port()) || slices.Contains(ports, k.Dst.Port()) || r.Listens(k.Dst)
}

// explainPacket explains one frame. Where it was heard matters only if the relay
// could hear it.
func explainPacket(k *capture.Packet, r *explain.Relay, ear *ear) (explain.Result, error) {
	m := explain.Message{
		Frame: k.Number, Time: k.Time, Src: k.Src, Dst: k.Dst, MAC: k.MAC, Outgoing: k.Outgoing, Data: k.Payload,
	}
	link, err := ear.of(k)
	m.Link = link
	switch {
	case k.Skip != capture.Datagram:
		return explain.Unreadable(m, k.Skip.String()), nil
	case err != nil && !k.Outgoing && r.Listens(k.Dst):
		return explain.Result{}, err
	}
	return r.Explain(m)
}

// An ear knows which interface of the host has heard a frame.
type ear struct {
	host  *hostLinks
	usual string            // interface of frames that do not say; "" if there is none
	names map[string]string // interface by name in the capture
	vlans map[uint16]string // interface by VLAN
}

func newEar(h *hostLinks, usual string, maps []string) (*ear, error) {
	e := &ear{host: h, usual: usual, names: make(map[string]string), vlans: make(map[uint16]string)}
	if usual != "" && !e.has(usual) {
		return nil, fmt.Errorf("--interface: there is no interface %q on %s", usual, h.from)
	}
	for _, m := range maps {
		from, to, ok := strings.Cut(m, "=")
		switch {
		case !ok || from == "":
			return nil, fmt.Errorf("--map: %q maps nothing; write one such as eth0=vlan10, or 20=vlan20 for a VLAN", m)
		case !e.has(to):
			return nil, fmt.Errorf("--map: there is no interface %q on %s", to, h.from)
		}
		e.names[from] = to
		if id, err := strconv.ParseUint(from, 10, 12); err == nil {
			e.vlans[uint16(id)] = to
		}
	}
	return e, nil
}

func (e *ear) find(ok func(*giaddr.Link) bool) (found []string) {
	for i := range e.host.links {
		if ok(&e.host.links[i]) {
			found = append(found, e.host.links[i].Name)
		}
	}
	return found
}

func (e *ear) has(name string) bool {
	return len(e.find(func(l *giaddr.Link) bool { return l.Name == name })) > 0
}

// of returns the interface that heard a frame.
func (e *ear) of(k *capture.Packet) (string, error) {
	base := e.base(k)
	if id := vlanOf(k); id != 0 {
		name, err := e.tagged(base, id)
		if name != "" || err != nil && e.usual == "" {
			return name, err
		}
		base = e.usual
	}
	switch {
	case base != "" && e.has(base):
		return base, nil
	case e.usual != "":
		return e.usual, nil
	case base != "":
		return "", fmt.Errorf("its interface %q is none of %s; write --map %s=NAME, or another --host", base, e.host.from, base)
	}
	return "", errors.New("the capture does not say on which interface it was heard; write --interface NAME")
}

// base returns the interface that the file names, in the words of the host if
// they are known.
func (e *ear) base(k *capture.Packet) string {
	if to, ok := e.names[k.Interface]; ok && k.Interface != "" {
		return to
	}
	if k.Index != 0 && e.host.kernel {
		if found := e.find(func(l *giaddr.Link) bool { return l.Index == k.Index }); found != nil {
			return found[0]
		}
	}
	if k.Interface == "any" {
		return ""
	}
	return k.Interface
}

// vlanOf returns the VLAN of a frame, the innermost; 0, which is for priorities
// alone, if it is in none.
func vlanOf(k *capture.Packet) uint16 {
	if n := len(k.VLANs); n > 0 {
		return k.VLANs[n-1]
	}
	return 0
}

// tagged returns the interface of a VLAN on top of another interface, which may
// not be known.
func (e *ear) tagged(base string, id uint16) (string, error) {
	if to, ok := e.vlans[id]; ok {
		return to, nil
	}
	number := strconv.Itoa(int(id))
	for _, is := range []func(*giaddr.Link) bool{
		func(l *giaddr.Link) bool { return base != "" && l.Name == base+"."+number },
		func(l *giaddr.Link) bool { return l.VLAN == id },
		func(l *giaddr.Link) bool {
			return l.VLAN == 0 && (l.Name == "vlan"+number || strings.HasSuffix(l.Name, "."+number))
		},
	} {
		switch found := e.find(is); len(found) {
		case 0:
		case 1:
			return found[0], nil
		default:
			return "", fmt.Errorf("VLAN %d may be any of %s; write --map %d=NAME", id, strings.Join(found, ", "), id)
		}
	}
	return "", fmt.Errorf("no interface of %s is VLAN %d; write --map %d=NAME", e.host.from, id, id)
}
