package config

// A relaying is what [relay] says: how messages are moved on every interface.
type relaying struct {
	alone bool // to servers each datagram leaves alone
}

func relayKeys() []key[relaying] {
	return []key[relaying]{
		{
			"segmentation", `"auto"`, `"auto" or "off"`,
			"Whether requests that come together go to a server together (UDP GSO), which takes less processor time where many do. \"auto\" does so only on routes that end in a network card that cuts them apart, or where the kernel does; what a device of software hands on uncut is lost to servers that read raw frames.",
			func(r *reader, v value, to *relaying) {
				if i, ok := r.choice(v, "auto", "off"); ok {
					to.alone = i == 1
				}
			},
		},
	}
}
