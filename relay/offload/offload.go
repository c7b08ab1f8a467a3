// Package offload judges whether datagrams that leave together, with UDP_SEGMENT,
// come apart before anybody receives them. A message is one datagram for whoever
// receives it (RFC 951, section 3; RFC 2131, section 4.1), also for a server that
// reads frames: it sees what devices of software hand on, uncut, as one. The package
// is pure; relay/host/egress looks at the host.
package offload

import "slices"

// A Device is a network device as the kernel tells of it.
type Device struct {
	Name   string
	Kind   string // of a device that software makes, such as "veth"; empty: of a driver, or the loopback
	Bus    string // which the hardware behind it is on, such as "pci"; empty: none is behind it
	Driver string // such as "ixgbe"; empty: not known

	// Whole: it takes datagrams together (tx-udp-segmentation). For one that does
	// not the kernel cuts them before they reach it.
	Whole bool

	Below  []int // indexes of the devices that it sends through: what a VLAN is on, the ports of a bridge or bond
	Abroad bool  // what it is on is in another network namespace
}

// A Reason says why datagrams may, or may not, leave together.
type Reason uint8

// The reasons.
const (
	Unknown    Reason = iota // nobody has looked yet
	Card                     // a network card cuts them: they may
	Kernel                   // the kernel cuts them before a device that does not take them: they may
	Off                      // the configuration forbids it
	Virtual                  // a device of software hands them on as they are
	Guest                    // a virtual machine's card, which may hand them on as they are
	Abroad                   // what the device is on is in another network namespace
	Empty                    // a bridge or bond has no ports
	NoRoute                  // no route leads there
	Failed                   // the host could not be looked at
	Refused                  // the kernel has refused it lately
	numReasons = int(iota)
)

// String returns the reason as the metrics and the status have it.
func (r Reason) String() string {
	return [numReasons]string{
		"unknown", "card", "kernel", "off", "virtual", "guest", "namespace", "empty", "no_route", "failed", "refused",
	}[r]
}

// Good reports whether datagrams may leave together.
func (r Reason) Good() bool { return r == Card || r == Kernel }

// A Verdict says whether datagrams to one place may leave together. The zero value
// says that nobody has looked.
type Verdict struct {
	Reason Reason
	Device string // the name of the one that decides, "" if none does
	Kind   string // what that is, such as "veth" or "ixgbe"; "" if that is not known
	Err    string // what the kernel said, if Reason is Failed or Refused
}

// deepest bounds the walk down: a VLAN on a bridge, on a VLAN, on a bond, on cards.
const deepest = 8

// Judge judges a route by the devices that it leads to, which are several for one
// with several next hops: each has to do. The first that does not is the one that
// decides, else the first. devices holds them and all below by their index; what
// it lacks is not known.
func Judge(devices map[int]Device, via []int) Verdict {
	if len(via) == 0 {
		return Verdict{Reason: NoRoute}
	}
	return each(devices, via, deepest)
}

func each(devices map[int]Device, via []int, depth int) (v Verdict) {
	for i, index := range via {
		one := judge(devices, index, depth)
		if !one.Reason.Good() {
			return one
		}
		if i == 0 {
			v = one
		}
	}
	return v
}

// judge judges one device. What it takes together reaches those below so.
func judge(devices map[int]Device, index, depth int) Verdict {
	d, known := devices[index]
	if !known || depth == 0 {
		return Verdict{Device: d.Name}
	}
	v := Verdict{Device: d.Name, Kind: d.Kind}
	if v.Kind == "" {
		v.Kind = d.Driver
	}
	switch {
	case !d.Whole:
		v.Reason = Kernel
	case d.Kind == "":
		v.Reason = d.hardware()
	case !Stacked(d.Kind):
		v.Reason = Virtual
	case d.Abroad:
		v.Reason = Abroad
	case len(d.Below) == 0:
		v.Reason = Empty
	default:
		return each(devices, d.Below, depth-1)
	}
	return v
}

// Stacked reports whether devices of a kind send all through those below. Not so
// macvlan and ipvlan: what is for a sibling never reaches the card. Nor tunnels:
// nobody here knows who takes off their headers.
func Stacked(kind string) bool {
	return slices.Contains([]string{"vlan", "bridge", "bond", "team"}, kind)
}

// hardware judges a device of a driver that takes datagrams together. A bus or
// driver that is not known is not trusted.
func (d *Device) hardware() Reason {
	buses := []string{"pci", "auxiliary", "platform", "usb", "fsl-mc", "amba", "soc"}
	guests := []string{"", "virtio_net", "vmxnet3", "ena", "gve", "mana", "hv_netvsc", "xen_netfront", "vif", "ibmveth"}
	switch {
	case d.Bus == "":
		return Virtual
	case !slices.Contains(buses, d.Bus), slices.Contains(guests, d.Driver):
		return Guest
	}
	return Card
}
