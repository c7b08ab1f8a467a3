package status

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/text"
	"dhcp-relay/relay/wire/dhcp"
)

// configuration tells of one that was refused, and of one that asks for nothing.
func (b *builder) configuration() {
	c := b.Config
	if c.None {
		b.add(found{
			severity: Info, kind: configNone, about: b.file(),
			text: `Nothing is relayed, by choice: it says interfaces = "none"`,
			do:   "Write an [[interface]] in its place where clients are to be served.",
		})
	}
	b.drift()
	if c.OK {
		return
	}
	b.add(found{
		severity: Error, kind: configRefused, about: b.file(),
		text:   "The file was refused at the last reload, so the configuration of " + c.Loaded.UTC().Format(time.RFC3339) + " still holds",
		detail: firstLine(c.Error),
		do:     "Run dhcp-relay check --config " + c.File + ", put right what it says, and reload.",
	})
}

// file is the subject of what concerns the configuration.
func (b *builder) file() Subject { return Subject{Kind: OfConfiguration, Name: b.Config.File} }

// drift tells of a file that is not what is in effect. That it would be refused is
// told already if that was tried.
func (b *builder) drift() {
	c := b.Config
	f := found{severity: Warn, kind: configChanged, about: b.file()}
	switch {
	case c.OnDisk == FileChanged:
		f.text = "The file was changed, and what it says now is not in effect"
		f.detail = "seen " + span(b.Now.Sub(c.Changed)) + " ago"
		f.do = "Run dhcp-relay reload to have it take effect, or put the former file back."
	case c.OnDisk == FileRefused && c.OK:
		f.severity, f.kind = Error, configUnloadable
		f.text = "The file was changed and would be refused, so that the relay could not be started with it; what was loaded before still holds"
		f.detail = firstLine(c.OnDiskError)
		f.do = "Run dhcp-relay check --config " + c.File + ", put right what it says, and reload."
	default:
		return
	}
	b.add(f)
}

// firstLine returns the first line of an error, and how many more there are.
func firstLine(text string) string {
	first, more, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if n := uint64(strings.Count(more, "\n")); more != "" {
		first += " (and " + plural(n+1, "line") + " more)"
	}
	return first
}

// host tells of what is wrong around the relay.
func (b *builder) host() {
	if b.Failure != "" {
		b.add(found{
			severity: Error, kind: socketsFailed, about: Subject{Kind: OfSockets},
			text: "Not all sockets work, so some networks may not be heard; the relay tries again each second", detail: b.Failure,
			do: "Put right what the message says: most often another program holds the port, or a VRF or address has gone.",
		})
	}
	if b.Stale != "" {
		b.add(found{
			severity: Error, kind: interfacesStale, about: Subject{Kind: OfAll},
			text:   "The relay cannot read the interfaces and addresses of this host since " + b.StaleSince.UTC().Format(time.RFC3339) + ", so it works with what it knew then; it tries again each second",
			detail: b.Stale,
			do:     "See whether ip -s link and ip address work on this host, and look at the kernel's log; then restart the daemon if it does not recover by itself.",
		})
	}
	b.listeners()
	b.refusals()
	b.problems()
	for _, r := range b.Rivals {
		f := found{
			severity: Warn, kind: rivalProgram, about: Subject{Kind: OfPort, Port: r.Port, Name: r.Who},
			text:   "Another program listens on the relay's port",
			detail: r.Who + "; " + r.Effect,
			do:     "Stop that program, or have it listen on other interfaces and addresses than the relay's.",
		}
		if r.Error {
			f.severity, f.kind = Error, rivalServer
			f.text = "Another DHCP server or relay serves the same clients"
			f.do = "Stop one of the two (such as by systemctl disable --now isc-dhcp-relay), or have the other one listen on other interfaces than the relay's."
		}
		b.add(f)
	}
	b.unframed()
	b.frameless()
	b.strict()
	b.heardNothing()
	if !b.Recorder.On {
		b.add(found{
			severity: Info, kind: recorderOff, about: Subject{Kind: OfRecorder},
			text: "The flight recorder is off (recorder.messages = 0), so that trace, record and the ladders of the status page show nothing",
			do:   "Set recorder.messages = 1000 and restart, if they are wanted.",
		})
	}
}

// listeners tells of those that could not be opened.
func (b *builder) listeners() {
	for _, l := range b.Listeners {
		if l.Open || l.Error == "" {
			continue
		}
		b.add(found{
			severity: Warn, kind: listenerClosed, about: Subject{Kind: OfListener, Name: l.Name + " on " + l.Address},
			text:   "Nothing is served there since " + l.Since.UTC().Format(time.RFC3339) + "; relaying goes on, and the relay tries again each second",
			detail: l.Error,
			do:     l.Do,
		})
	}
}

// refusals tells what listeners do not serve these days.
func (b *builder) refusals() {
	for _, l := range b.Listeners {
		for _, r := range l.Refused {
			if b.Now.Sub(r.Last) > goesOn {
				continue
			}
			severity, text, do := r.Reason.explain(l.Name)
			b.add(found{
				severity: severity, kind: listenerRefuses, about: Subject{Kind: OfListener, Name: l.Name + " on " + l.Address},
				text:   text,
				detail: fmt.Sprintf("%d since the start (reason %q)", r.Count, r.Reason),
				do:     do,
			})
		}
	}
}

// explain says what a reason means for those who come to a listener, and what to do.
func (r RefusedReason) explain(listener string) (severity Severity, text, do string) {
	who := "The log names who comes (reason, peer). Let only monitoring and operators reach metrics.listen."
	if listener == "control" {
		who = "End commands that go on, such as dhcp-relay trace."
	}
	switch r {
	case RefusedFull:
		return Warn, "New connections are refused: all are taken, and none of them is idle", who
	case RefusedBusy:
		return Warn, "Requests are refused: as many of their kind are served already", who
	case RefusedIdle:
		return Info, "Idle connections are closed to make room for new ones", who
	case RefusedSlow:
		return Info, "Requests that take long are cut off to make room for new ones", who
	case RefusedHost:
		return Info, "Requests are refused that name another host than this one, as a stranger's web page makes them (DNS rebinding)",
			"If it was you: ask by an address of this host, by its own name, or by one beside it in /etc/hosts."
	case RefusedAuth:
		return Warn, "Requests are refused that come with a wrong user or password, as of somebody who guesses, or whose password has changed", who
	}
	return Info, "Something is refused", who
}

// unframed tells that few DHCPv6 clients can be answered at once.
func (b *builder) unframed() {
	if b.Unframed == "" || !slices.ContainsFunc(b.Links, func(l Link) bool { return l.Family == dhcp.V6 }) {
		return
	}
	b.add(found{
		severity: Info, kind: unframedReplies, about: Subject{Kind: OfClientReplies, Family: ScopeOf(dhcp.V6)},
		text:   "Replies to DHCPv6 clients go by the kernel's neighbour table, which has room for few clients at once",
		detail: b.Unframed,
		do:     "Let the daemon have CAP_NET_RAW and CAP_BPF, as the unit does; or raise net.ipv6.neigh.default.gc_thresh3 on the host.",
	})
}

// frameless tells that it is not known by which port DHCPv4 clients ask, where the
// configuration wants that.
func (b *builder) frameless() {
	if b.Frameless == "" {
		return
	}
	for i := range b.Links {
		l := &b.Links[i]
		if !l.Frame || l.Family != dhcp.V4 || l.State == agent.Missing {
			continue
		}
		b.add(found{
			severity: Warn, kind: framesUnseen, about: onLink(l.Name, l.Family),
			text:   "The frames of its clients are not seen, so that {port} and {client_mac} are unknown, and ignore_ports and the bridge_ports of classes match nothing",
			detail: b.Frameless,
			do:     "Let the daemon have CAP_BPF, as the unit does, and restart it; or leave these out of the configuration.",
		})
	}
}

// problems tells where the configuration does not fit the host, but for what the
// state of an interface says already.
func (b *builder) problems() {
	stuck := make(map[string]bool)
	for i := range b.Links {
		if l := &b.Links[i]; l.State != agent.Relaying {
			stuck[l.Name] = true
		}
	}
	for _, p := range b.Problems {
		if stuck[p.Interface] {
			continue
		}
		b.add(found{
			severity: Warn, kind: configHost, about: Subject{Kind: OfInterface, Interface: p.Interface},
			text: "Configuration and host disagree", detail: p.Text, do: sentence(p.Hint),
		})
	}
}

// sentence makes a hint one.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// strict tells of strict rp_filter. On the clients' side it concerns a few
// clients; where servers are reached it can hide every reply, which is worth
// telling while one is silent.
func (b *builder) strict() {
	var near, far []string
	for _, name := range b.StrictPath {
		client := func(l Link) bool { return l.Name == name && l.Family == dhcp.V4 && l.State == agent.Relaying }
		if slices.ContainsFunc(b.Links, client) {
			near = append(near, name)
		} else {
			far = append(far, name)
		}
	}
	if len(near) > 0 {
		b.add(found{
			severity: Info, kind: rpFilterClient, about: Subject{Kind: OfRPFilter, Name: text.Some(near, mostNamed)},
			text: "Strict rp_filter (1) is set: the kernel drops " + text.StrictToClients,
			do:   sentence(text.Loosen(near[0]) + ", if such clients are to be heard at once; 2 hears those to whose address this host has a route, 0 all"),
		})
	}
	silent := slices.ContainsFunc(b.found, func(f found) bool { return f.kind == serverSilent && f.about.Family == ScopeOf(dhcp.V4) })
	if silent && len(far) > 0 {
		b.add(found{
			severity: Warn, kind: rpFilterServer, about: Subject{Kind: OfRPFilter, Name: text.Some(far, mostNamed)},
			text: "A server is silent, and strict rp_filter (1) is set: the kernel drops " + text.StrictToReplies,
			do:   "If replies take such a way, " + text.Loosen(far[0]) + ".",
		})
	}
}

// heardNothing tells that nothing was ever heard, which nothing else would show.
func (b *builder) heardNothing() {
	if b.Now.Sub(b.Started) < count.Window || len(b.Counts.Links) > 0 {
		return
	}
	if !slices.ContainsFunc(b.Links, func(l Link) bool { return l.State == agent.Relaying }) {
		return
	}
	b.add(found{
		severity: Warn, kind: nothingHeard, about: Subject{Kind: OfAll},
		text:   "No message has been heard since the start",
		detail: span(b.Now.Sub(b.Started)) + " ago",
		do:     "Check that there are clients, that the names of the interfaces are right, and that this host's firewall lets in UDP ports 67 (DHCPv4) and 547 (DHCPv6)" + asRoot,
	})
}
