package config

// A relaying is what [relay] says: how messages are moved on every interface.
type relaying struct {
	alone      bool // to servers each datagram leaves alone
	unconfined bool // the process keeps what it was started with
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
		{
			"confine", `"auto"`, `"auto" or "off"`,
			"Whether the daemon gives up for good, once it relays, what it does not need to go on: capabilities, files and system calls. \"auto\" gives up what this kernel lets it. A change takes effect at the next start.",
			func(r *reader, v value, to *relaying) {
				if i, ok := r.choice(v, "auto", "off"); ok {
					to.unconfined = i == 1
				}
			},
		},
	}
}
