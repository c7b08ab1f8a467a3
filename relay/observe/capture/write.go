//go:build !small

package capture

import (
	"cmp"
	"io"
	"runtime"
	"slices"
	"strconv"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/text"
)

// routed is the capture interface of what went to servers to which no path is known.
const routed = "to-servers"

const rebuilt = "From the flight recorder of dhcp-relay: each message as received, and each copy as sent. " +
	"Headers were rebuilt (cooked, without link-layer addresses; TTL 64). To which interface, and from which source, requests " +
	"went to a server is what the routes say at the time of writing; where that is not known they are on " + routed + ", from 0.0.0.0 or ::. " +
	"The octets of the payload are exact."

const blanked = " What identifies clients has been blanked: hardware and client identifiers, host names, addresses, and the contents of relay options."

// Write writes messages, the earliest first, as one pcapng section: each as it was
// received and as it was sent, with the names of the interfaces, and what became of it
// as a comment.
func Write(w io.Writer, ms []recorder.Message, o Options) error {
	c := file{o: o, ids: make(map[int]int)}
	for i := range ms {
		if err := c.add(&ms[i]); err != nil {
			return err
		}
	}
	slices.SortStableFunc(c.packets, func(a, b packet) int { return a.at.Compare(b.at) })
	info := pcapgo.NgSectionInfo{
		Hardware: runtime.GOARCH, OS: runtime.GOOS,
		Application: cmp.Or(o.Application, "dhcp-relay"), Comment: rebuilt,
	}
	if o.Redact {
		info.Comment += blanked
	}
	ng, err := pcapgo.NewNgWriterInterface(w, link(routed), pcapgo.NgWriterOptions{SectionInfo: info})
	if err != nil {
		return err
	}
	for _, index := range c.links {
		if _, err := ng.AddInterface(link(c.name(index))); err != nil {
			return err
		}
	}
	for i := range c.packets {
		if err := c.packets[i].write(ng); err != nil {
			return err
		}
	}
	return ng.Flush()
}

// link returns a capture interface, with cooked headers: tcpdump reads no file of
// several interfaces without any.
func link(name string) pcapgo.NgInterface {
	return pcapgo.NgInterface{Name: name, LinkType: layers.LinkTypeLinuxSLL, OS: runtime.GOOS}
}

// A file collects what is to be written.
type file struct {
	o       Options
	ids     map[int]int // capture interface by interface index; 0 is routed
	links   []int       // interface indexes in the order of their IDs, from 1
	packets []packet
}

// on returns the capture interface that stands for an interface of the host.
func (c *file) on(index int) int {
	if index == 0 {
		return 0
	}
	id, ok := c.ids[index]
	if !ok {
		c.links = append(c.links, index)
		id = len(c.links)
		c.ids[index] = id
	}
	return id
}

func (c *file) name(index int) string {
	return cmp.Or(c.o.Names(index), "interface "+strconv.Itoa(index))
}

// write writes one packet.
func (p *packet) write(ng *pcapgo.NgWriter) error {
	ci := gopacket.CaptureInfo{
		Timestamp: p.at, CaptureLength: len(p.data), Length: p.size, InterfaceIndex: p.on,
	}
	flags := pcapgo.NgEpbFlags{Direction: pcapgo.NgEpbFlagDirectionInbound}
	if p.out {
		flags.Direction = pcapgo.NgEpbFlagDirectionOutbound
	}
	return ng.WritePacketWithOptions(ci, p.data, pcapgo.NgPacketOptions{Comments: []string{text.Visible(p.comment)}, Flags: &flags})
}
