package offload

// String says in a sentence what is done, and why.
func (v Verdict) String() string {
	if v.Reason.Good() {
		return "bursts leave together (UDP GSO): " + v.why()
	}
	return "bursts leave datagram by datagram, without UDP GSO: " + v.why()
}

func (v Verdict) why() string {
	device := v.Device
	if v.Kind != "" {
		device += " (" + v.Kind + ")"
	}
	switch v.Reason {
	case Unknown:
		return "it is not known yet where the route leads"
	case Card:
		return "the network card " + device + " cuts them apart"
	case Kernel:
		return "the kernel cuts them apart before " + device + ", which has tx-udp-segmentation off"
	case Off:
		return `the configuration has segmentation = "off"`
	case Virtual:
		return device + " has no network card behind it and would hand them on uncut"
	case Guest:
		return device + " is the card of a virtual machine, whose host might hand them on uncut"
	case Abroad:
		return "what " + device + " is on is in another network namespace"
	case Empty:
		return device + " has no ports"
	case NoRoute:
		return "no route leads there now"
	case Failed:
		return "this host could not be looked at: " + v.Err
	case Refused:
		return "the kernel refused them on " + device + " (" + v.Err + "), and is asked again every few seconds"
	}
	return v.Reason.String()
}
