package trouble

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/server6"
	"dhcp-relay/relay/observe/status"
)

// faults are all of them.
func faults() []fault {
	return append(append(append(faultsOfServers(), faultsOfHost()...), append(faultsOfMessages(), faultsOfReplies()...)...), faults6()...)
}

// again is what the log says of a server that is back.
func again() []string { return []string{"server answers again", "server=10.9.0.2"} }

// nft changes the firewall of a node; the chains of the test are in a table of its own.
func (b *old) nft(node, hook, rule string) {
	b.t.Helper()
	b.run(node, "nft", "add table inet t; add chain inet t "+hook+" { type filter hook "+hook+" priority 0; }; add rule inet t "+hook+" "+rule)
}

func accept(node string) func(*old) {
	return func(b *old) { b.t.Helper(); b.run(node, "nft", "delete table inet t") }
}

// conducts has the server behave in some way, and then as it should.
func conducts(f func(h *host, m *dhcpv4.DHCPv4) ([][]byte, time.Duration)) (strike, mend func(*old)) {
	return func(b *old) {
			b.server.behave(func(m *dhcpv4.DHCPv4) ([][]byte, time.Duration) { return f(b.server, m) })
		}, func(b *old) {
			b.server.behave(b.server.offer)
		}
}

// asks has clients of clients-a ask in some way, and then as they should.
func asks(f func(m *dhcpv4.DHCPv4)) (strike, mend func(*old)) {
	return func(b *old) {
			b.clients.behave(func(node string, m *dhcpv4.DHCPv4) {
				if node == "a1" {
					f(m)
				}
			})
		}, func(b *old) {
			b.clients.behave(func(string, *dhcpv4.DHCPv4) {})
		}
}

// faultsOfServers lie in a server and in the way to it.
func faultsOfServers() []fault {
	nak := func(m *dhcpv4.DHCPv4) {
		m.UpdateOption(dhcpv4.OptMessageType(dhcpv4.MessageTypeRequest))
		m.UpdateOption(dhcpv4.OptRequestedIPAddress(net.IPv4(10, 77, 0, 9)))
	}
	garbage, good := conducts(func(*host, *dhcpv4.DHCPv4) ([][]byte, time.Duration) {
		return [][]byte{[]byte(strings.Repeat("garbage ", 40))}, 0
	})
	slow, fast := conducts(func(h *host, m *dhcpv4.DHCPv4) ([][]byte, time.Duration) {
		r, _ := h.offer(m)
		return r, 3 * time.Second
	})
	noSubnet, subnet := conducts(func(h *host, m *dhcpv4.DHCPv4) ([][]byte, time.Duration) {
		if m.GatewayIPAddr.Equal(net.IPv4(10, 2, 0, 1)) {
			return nil, 0
		}
		return h.offer(m)
	})
	// Half of the clients of each network: which ones must not depend on who asks first.
	poolEmpty, poolFull := conducts(func(h *host, m *dhcpv4.DHCPv4) ([][]byte, time.Duration) {
		if m.ClientHWAddr[5]%2 == 0 {
			return nil, 0
		}
		return h.offer(m)
	})
	return []fault{
		{
			name: "the server's process is killed", quick: true,
			strike:   func(b *old) { b.server.stop() },
			mend:     func(b *old) { b.server = b.serve("s1", "10.9.0.2") },
			severity: status.Error, finding: []string{"10.9.0.2", "Requests do not reach the server", "10.9.0.2 says that nothing listens on port 67", "Start the DHCP server there"},
			trace: []string{"no answer from 10.9.0.2", "that the server runs"},
			log:   []string{"level=ERROR", "server does not answer", "server=10.9.0.2", "nothing listens on port 67"}, back: again(),
			alerts: []string{"DHCPRelayServerSilent"},
		},
		{
			name: "the server's host is gone", quick: true,
			strike:   func(b *old) { b.must(b.Node("s1").Down("eth0"), b.flush()) },
			mend:     func(b *old) { b.must(b.Node("s1").Up("eth0"), b.Node("s1").Route("default", "10.9.0.1")) },
			severity: status.Error, finding: []string{"10.9.0.2", "Requests do not reach the server", "10.9.0.2 does not answer ARP on servers"},
			trace: []string{"no answer from 10.9.0.2", "that the address is right"},
			log:   []string{"level=ERROR", "server does not answer", "server=10.9.0.2"}, back: again(),
			alerts: []string{"DHCPRelayServerSilent"},
		},
		{
			name: "a firewall at the server drops", quick: true,
			strike:   func(b *old) { b.nft("s1", "input", "udp dport 67 drop") },
			mend:     accept("s1"),
			severity: status.Error, finding: []string{"10.9.0.2", "The server does not answer", "answered until", "that no firewall, here or there, drops UDP port 67"},
			trace: []string{"no answer from 10.9.0.2"},
			log:   []string{"level=ERROR", "server does not answer", "server=10.9.0.2"}, back: again(),
			alerts: []string{"DHCPRelayServerSilent"},
		},
		{
			name: "a firewall refuses: administratively prohibited", quick: true,
			strike:   func(b *old) { b.nft("s1", "input", "udp dport 67 reject with icmp type admin-prohibited") },
			mend:     accept("s1"),
			severity: status.Error, finding: []string{"10.9.0.2", "Requests do not reach the server", "10.9.0.2 says: administratively prohibited"},
			trace: []string{"no answer from 10.9.0.2"},
			log:   []string{"level=ERROR", "server does not answer", "server=10.9.0.2", "prohibited"}, back: again(),
			alerts: []string{"DHCPRelayServerSilent"},
		},
		{
			name: "the server refuses all addresses (NAK)",
			prepare: func(b *old) {
				b.server.behave(func(m *dhcpv4.DHCPv4) ([][]byte, time.Duration) {
					if m.MessageType() == dhcpv4.MessageTypeRequest {
						return [][]byte{b.server.reply(m, dhcpv4.MessageTypeNak).ToBytes()}, 0
					}
					return b.server.offer(m)
				})
			},
			strike:   func(b *old) { b.clients.behave(func(_ string, m *dhcpv4.DHCPv4) { nak(m) }) },
			mend:     func(b *old) { b.clients.behave(func(string, *dhcpv4.DHCPv4) {}) },
			severity: status.Warn, finding: []string{"clients-a", "Servers refuse addresses that its clients ask for (NAK)", "which subnet the server has for giaddr 10.1.0.1"},
			trace: []string{"refused by server", "which subnet the server has for giaddr"},
		},
		{
			name: "the server answers garbage", strike: garbage, mend: good,
			severity: status.Error, finding: []string{"10.9.0.2"},
			trace: []string{"no answer from 10.9.0.2"},
			log:   []string{"server does not answer", "server=10.9.0.2"}, back: again(),
			alerts: []string{"DHCPRelayMalformed", "DHCPRelayServerSilent"},
		},
		{
			name: "the server takes 3 seconds", quick: true, strike: slow, mend: fast,
			severity: status.Warn, finding: []string{"10.9.0.2", "The server answers late", "took more than 1.5 seconds"},
			log: []string{"server answers slowly", "server=10.9.0.2"}, back: []string{"server answers in time again", "server=10.9.0.2"},
			alerts: []string{"DHCPRelayServerLate"},
			trace:  []string{"10.9.0.2", "after 3.0"},
		},
		{
			name: "the server has no subnet for one interface", strike: noSubnet, mend: subnet, quick: true,
			severity: status.Error, finding: []string{"clients-b", "The servers answer the requests of other interfaces, but none of this one", "add a subnet (scope) that holds the giaddr 10.2.0.1"},
			trace: []string{"no answer from 10.9.0.2", "a subnet for giaddr 10.2.0.1"},
			slow:  []string{"DHCPRelayRequestsUnanswered"},
		},
		{
			name: "no addresses are left for many clients", strike: poolEmpty, mend: poolFull,
			severity: status.Warn, finding: []string{"clients-a", "Some of its requests are answered and some are not", "addresses left in the subnet of 10.1.0.1"},
			trace: []string{"no answer from 10.9.0.2"},
		},
		{
			name: "the server's address is mistyped", quick: true,
			strike:   func(b *old) { b.configure(strings.ReplaceAll(oneServer, "10.9.0.2", "10.9.0.77")) },
			mend:     func(b *old) { b.configure(oneServer) },
			severity: status.Error, finding: []string{"10.9.0.77", "Requests do not reach the server", "10.9.0.77 does not answer ARP on servers"},
			trace:  []string{"no answer from 10.9.0.77", "that the address is right"},
			log:    []string{"level=ERROR", "server does not answer", "server=10.9.0.77"},
			alerts: []string{"DHCPRelayServerSilent"},
		},
		{
			name: "one of two servers is killed", quick: true,
			config: strings.ReplaceAll(oneServer, `"]`, `", "10.9.0.3"]`), asked: "10.9.0.2:67 10.9.0.3:67",
			prepare:  func(b *old) { b.serve("s2", "10.9.0.3") },
			strike:   func(b *old) { b.server.stop() },
			mend:     func(b *old) { b.server = b.serve("s1", "10.9.0.2") },
			severity: status.Warn, finding: []string{"10.9.0.2", "Requests do not reach the server", "nothing listens on port 67", "other servers answer the same clients"},
			log: []string{"level=WARN", "server does not answer", "server=10.9.0.2"}, back: again(),
			alerts: []string{"DHCPRelayServerSilent"},
		},
		{
			name: "the server answers from another address", quick: true,
			strike: func(b *old) {
				b.server.stop()
				b.run("s1", "nft", "add table ip t; add chain ip t post { type nat hook postrouting priority 100; }; add rule ip t post udp sport 67 snat to 10.9.0.9")
				b.must(b.Node("s1").Addr("eth0", "10.9.0.9/24"))
				b.server = b.serve("s1", "10.9.0.2")
			},
			mend: func(b *old) {
				b.server.stop()
				b.run("s1", "nft", "delete table ip t")
				b.server = b.serve("s1", "10.9.0.2")
			},
			severity: status.Info, finding: []string{"10.9.0.2", "The server answers from another address than the one that it is asked at: from 10.9.0.9", "answers_from"},
			trace: []string{"OFFER", "10.9.0.9"},
		},
	}
}

// flush forgets the server's link-layer address, as it would be in half a minute.
func (b *old) flush() error {
	_, err := b.Node("relay").Run(b.ctx, "ip", "neigh", "flush", "dev", "servers")
	return err
}

// faultsOfHost lie in this host.
func faultsOfHost() []fault {
	return []fault{
		{
			name: "the address of the interface is gone", quick: true,
			strike:   func(b *old) { b.must(b.Node("relay").DelAddr("clients-a", "10.1.0.1/24")) },
			mend:     func(b *old) { b.must(b.Node("relay").Addr("clients-a", "10.1.0.1/24")) },
			severity: status.Error, finding: []string{"clients-a", "no address that may stand for its clients", "Give the interface an IPv4 address, or set dhcpv4.giaddr"},
			trace: []string{"clients-a", "no address that may stand for its clients"}, log: []string{"clients-a", "no_giaddr"},
			slow: []string{"DHCPRelayInterfaceNotRelaying"},
		},
		{
			name: "the interface is down", quick: true,
			strike:   func(b *old) { b.must(b.Node("relay").Down("clients-a")) },
			mend:     func(b *old) { b.must(b.Node("relay").Up("clients-a")) },
			severity: status.Warn, finding: []string{"clients-a", "The interface is down or has no carrier", "ip link set clients-a up"},
			log:  []string{"clients-a", "down"},
			slow: []string{"DHCPRelayInterfaceNotRelaying"},
		},
		{
			name: "there is no route to the server any more", quick: true,
			config: strings.ReplaceAll(oneServer, "10.9.0.2", "192.0.2.9"), asked: "192.0.2.9:67",
			prepare: func(b *old) {
				b.must(b.Node("s1").Addr("lo", "192.0.2.9/32"), b.Node("relay").Route("192.0.2.9/32", "10.9.0.2"))
				b.server = b.serve("s1", "192.0.2.9")
			},
			strike:   func(b *old) { b.run("relay", "ip", "route", "del", "192.0.2.9/32") },
			mend:     func(b *old) { b.must(b.Node("relay").Route("192.0.2.9/32", "10.9.0.2")) },
			severity: status.Error, finding: []string{"192.0.2.9", "There is no route to the server", "Add a route"},
			trace: []string{"There is no route to the server"}, log: []string{"server does not answer", "server=192.0.2.9", "no route to the server", "ENETUNREACH"}, back: []string{"server answers again", "server=192.0.2.9"},
			alerts: []string{"DHCPRelayServerSilent"}, slow: []string{"DHCPRelaySendErrors"},
		},
		{
			name: "this host's firewall drops what goes to the server", quick: true,
			strike:   func(b *old) { b.nft("relay", "output", "udp dport 67 drop") },
			mend:     accept("relay"),
			severity: status.Error, finding: []string{"10.9.0.2", "firewall drops what the relay sends to the server", "Allow UDP"},
			trace: []string{"firewall drops what the relay sends to the server"}, log: []string{"server does not answer", "10.9.0.2", "firewall drops what the relay sends", "EPERM"}, back: again(),
			alerts: []string{"DHCPRelayServerSilent"}, slow: []string{"DHCPRelaySendErrors"},
		},
		{
			name: "strict rp_filter drops what comes another way",
			prepare: func(b *old) {
				b.must(b.Node("relay").Sysctl("net/ipv4/conf/all/rp_filter", "0"), b.Node("relay").Sysctl("net/ipv4/conf/servers/rp_filter", "0"))
				b.run("relay", "ip", "route", "add", "10.9.0.2/32", "via", "10.9.0.3", "dev", "servers", "table", "77")
				b.run("relay", "ip", "route", "add", "blackhole", "10.9.0.2/32")
				b.run("relay", "ip", "rule", "add", "from", "all", "to", "10.9.0.2", "ipproto", "udp", "dport", "67", "lookup", "78")
				b.run("relay", "ip", "route", "add", "10.9.0.2/32", "dev", "servers", "table", "78")
				// It is the server's ARP that is dropped; it learns from the relay's, too.
				mac, err := b.Node("s1").MAC("eth0")
				b.must(err)
				b.run("relay", "ip", "neigh", "replace", "10.9.0.2", "lladdr", mac.String(), "nud", "permanent", "dev", "servers")
			},
			strike: func(b *old) {
				b.must(b.Node("relay").Sysctl("net/ipv4/conf/servers/rp_filter", "1"))
				b.run("s1", "ip", "neigh", "flush", "dev", "eth0")
			},
			mend:     func(b *old) { b.must(b.Node("relay").Sysctl("net/ipv4/conf/servers/rp_filter", "0")) },
			severity: status.Warn, finding: []string{"rp_filter", "servers"},
			trace: []string{"no answer from 10.9.0.2"}, log: []string{"server does not answer", "10.9.0.2"}, back: again(),
			alerts: []string{"DHCPRelayServerSilent"},
		},
		{
			name: "this host's firewall drops replies to giaddr", rootOnly: true,
			strike:   func(b *old) { b.nft("relay", "input", "iifname servers udp dport 67 drop") },
			mend:     accept("relay"),
			severity: status.Error, finding: []string{"This host's firewall drops the replies of its servers", "Accept UDP port 67"},
			trace: []string{"no answer from 10.9.0.2"}, log: []string{"server does not answer", "10.9.0.2"}, back: again(),
			alerts: []string{"DHCPRelayServerSilent"},
		},
		{
			name: "this host's firewall drops all", rootOnly: true,
			strike:   func(b *old) { b.nft("relay", "input", "iifname \"clients-*\" drop") },
			mend:     accept("relay"),
			severity: status.Error, finding: []string{"This host's firewall drops the requests of its clients", "Accept UDP port 67"},
			slow: []string{"DHCPRelayNothingHeard"},
		},
		{
			name: "another program takes the relay's port", quick: true,
			strike: func(b *old) { b.rival() }, mend: func(b *old) { b.rival() },
			severity: status.Error, finding: []string{"UDP port 67", "Another DHCP server or relay serves the same clients", "Stop one of the two"},
			log: []string{"level=ERROR", "another program listens on the port"}, back: []string{"another program listens no more"},
		},
		{
			name: "the file is broken at a reload", quick: true,
			strike:   func(b *old) { b.configure("[[interface]]\nname = 7\n") },
			mend:     func(b *old) { b.configure(oneServer) },
			severity: status.Error, finding: []string{"configuration", "refused", "dhcp-relay check"},
			log: []string{"level=ERROR", "configuration refused, the former one stays"}, back: []string{"configuration reloaded"},
			alerts: []string{"DHCPRelayConfigRefused"},
		},
		{
			name: "an interface is misspelt at a reload",
			strike: func(b *old) {
				b.configure("[[interface]]\nname = \"client-a\"\nservers = [\"10.9.0.2\"]\n[[interface]]\nname = \"clients-b\"\nservers = [\"10.9.0.2\"]\n")
			},
			mend:     func(b *old) { b.configure(oneServer) },
			severity: status.Warn, finding: []string{"client-a", "no interface of this name", "correct the name"},
			trace: []string{"an interface that no [[interface]] names"},
			slow:  []string{"DHCPRelayInterfaceNotRelaying"},
		},
		{
			name: "the process was stopped for long",
			strike: func(b *old) {
				b.must(b.signal(syscall.SIGSTOP))
				time.Sleep(20 * time.Second)
				b.must(b.signal(syscall.SIGCONT))
			},
			mend:     func(*old) {},
			severity: status.Warn, finding: []string{"clients-a", "waited so long in the receive buffer", "whether the relay gets processor time, or was stopped"},
			log:    []string{"stale"},
			alerts: []string{"DHCPRelayLate"},
			trace:  []string{"waited so long in the receive buffer"},
		},
	}
}

// signal sends a signal to the relay.
func (b *old) signal(s syscall.Signal) error { return b.Relay().Signal(s) }

// rival has another program, which is this one, listen on port 67 of the relay's
// namespace, or no longer so.
func (b *old) rival() {
	b.t.Helper()
	if b.other != nil {
		b.must(b.other.Close())
		b.other = nil
		return
	}
	b.must(b.Node("relay").Do(func() (err error) {
		lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
			return c.Control(func(fd uintptr) {
				_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
			})
		}}
		b.other, err = lc.ListenPacket(context.Background(), "udp4", "0.0.0.0:67")
		return err
	}))
}

// faultsOfMessages lie in what comes from a client's network.
func faultsOfMessages() []fault {
	tag, untag := asks(func(m *dhcpv4.DHCPv4) {
		m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionRelayAgentInformation, []byte{1, 5, 'p', 'o', 'r', 't', '7'}))
	})
	chained, single := asks(func(m *dhcpv4.DHCPv4) {
		m.GatewayIPAddr, m.HopCount = netip.MustParseAddr("10.3.0.1").AsSlice(), 1
	})
	far, near := asks(func(m *dhcpv4.DHCPv4) { m.HopCount = 9 })
	large, small := asks(func(m *dhcpv4.DHCPv4) {
		for code := range 4 { // site-specific options (RFC 3942)
			m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(224+code), make([]byte, 200)))
		}
		m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(230), make([]byte, 1262-len(m.ToBytes()))))
	})
	return []fault{
		{
			name: "a switch begins to add option 82", strike: tag, mend: untag,
			severity: status.Error, finding: []string{"clients-a", "already contains option 82", "set trusted = true on this interface"},
			trace: []string{"already contains option 82", "trusted = true"}, log: []string{"untrusted_option82", "link=clients-a"},
			alerts: []string{"DHCPRelayUntrusted"},
		},
		{
			name: "a relay is attached to an interface that is not trusted", strike: chained, mend: single,
			severity: status.Error, finding: []string{"clients-a", "already relayed, and the interface is not trusted", "set trusted = true on this interface"},
			trace: []string{"already relayed"}, log: []string{"giaddr_untrusted", "link=clients-a"},
			alerts: []string{"DHCPRelayUntrusted"},
		},
		{
			name: "relays send in circles", strike: far, mend: near,
			severity: status.Error, finding: []string{"clients-a", "passed more relays than hop_limit allows"},
			trace: []string{"passed more relays than hop_limit allows"}, log: []string{"hop_limit", "link=clients-a"},
			alerts: []string{"DHCPRelayLoop"},
		},
		{
			name:   "requests are larger than the MTU towards the server",
			strike: func(b *old) { large(b) }, mend: small,
			prepare:  func(b *old) { b.must(b.Node("relay").MTU("servers", 1300)) },
			severity: status.Warn, finding: []string{"clients-a", "Requests go out without option 82, for which they have no room", "the MTU towards the servers"},
			slow:  []string{"DHCPRelayOption82Omitted"},
			trace: []string{"without option 82"},
		},
	}
}

// faultsOfReplies lie in what servers send.
func faultsOfReplies() []fault {
	bare := func(h *host, m *dhcpv4.DHCPv4) ([][]byte, time.Duration) {
		r := h.reply(m, dhcpv4.MessageTypeOffer)
		r.DeleteOption(dhcpv4.OptionRelayAgentInformation)
		return [][]byte{r.ToBytes()}, 0
	}
	twice, once := conducts(func(h *host, m *dhcpv4.DHCPv4) ([][]byte, time.Duration) {
		r := h.reply(m, dhcpv4.MessageTypeOffer).ToBytes()
		return [][]byte{r, r}, 0
	})
	return []fault{
		{
			name: "a rogue server appears among the clients",
			strike: func(b *old) {
				for range 3 {
					m := b.discover("a1")
					b.reply(m, "a2", "10.1.0.66", "10.1.0.1", dhcpv4.MessageTypeOffer)
				}
			},
			mend:     func(*old) {},
			severity: status.Warn, finding: []string{"clients-a", "10.1.0.66", "rogue DHCP server"},
			log:    []string{"reply_from_client", "link=clients-a"},
			alerts: []string{"DHCPRelayRogueServer"},
			trace:  []string{"10.1.0.66", "rogue"},
		},
		{
			name: "the server clears the broadcast flag, and clients ask again",
			prepare: func(b *old) {
				b.server.behave(func(m *dhcpv4.DHCPv4) ([][]byte, time.Duration) {
					r := b.server.reply(m, dhcpv4.MessageTypeOffer)
					r.SetUnicast()
					return [][]byte{r.ToBytes()}, 0
				})
			},
			strike: func(b *old) {
				x := dhcpv4.TransactionID{7, 7, 7, 7}
				b.clients.behave(func(node string, m *dhcpv4.DHCPv4) {
					if node == "a1" {
						m.TransactionID = x
						m.SetBroadcast()
					}
				})
			},
			mend: func(b *old) {
				b.server.behave(b.server.offer)
				b.clients.behave(func(string, *dhcpv4.DHCPv4) {})
			},
			severity: status.Warn, finding: []string{"clients-a", "ask for broadcast, and the server clears the flag", "Set broadcast = true"},
			trace: []string{"The client asks for broadcast (flags)", "set broadcast = true"},
		},
		{
			name: "the server stops to echo option 82 where interfaces share a giaddr",
			config: `[defaults]
servers = ["10.9.0.2"]
dhcpv4.giaddr = "10.1.0.1"
[[interface]]
name = "clients-a"
[[interface]]
name = "clients-b"
`,
			strike: func(b *old) {
				b.server.behave(func(m *dhcpv4.DHCPv4) ([][]byte, time.Duration) { return bare(b.server, m) })
			},
			mend:     func(b *old) { b.server.behave(b.server.offer) },
			severity: status.Error, finding: []string{"10.9.0.2", "share the reply's giaddr", "Have the server echo option 82"},
			trace: []string{"share the reply's giaddr"}, log: []string{"ambiguous_reply"},
			alerts: []string{"DHCPRelayAmbiguousReply", "DHCPRelayServerDropped"},
		},
		{
			name: "another relay serves the same clients", strike: twice, mend: once,
			severity: status.Warn, finding: []string{"10.9.0.2", "answers about twice as often as it is asked", "Look for another relay"},
		},
	}
}

// config6 is the least configuration, with one server.
const config6 = "[[interface]]\nname = \"clients-*\"\nservers = [\"2001:db8:9::2\"]\n"

// serve6 starts a DHCPv6 server on s1, with as many of the two subnets.
func (b *old) serve6(subnets int) {
	b.t.Helper()
	all := []server6.Subnet{
		{Prefix: netip.MustParsePrefix("2001:db8:1::/64"), First: netip.MustParseAddr("2001:db8:1::100"), Last: netip.MustParseAddr("2001:db8:1::fff")},
		{Prefix: netip.MustParsePrefix("2001:db8:2::/64"), First: netip.MustParseAddr("2001:db8:2::100"), Last: netip.MustParseAddr("2001:db8:2::fff")},
	}
	s, err := server6.Start(b.Node("s1"), "eth0", server6.Config{ID: []byte{0, 3, 0, 1, 2, 0, 0, 0, 9, 1}, Subnets: all[:subnets]})
	b.must(err)
	b.server6 = s
	b.t.Cleanup(func() { _ = s.Close() })
}

// faults6 are those of DHCPv6.
func faults6() []fault {
	prepare := func(b *old) {
		b.must(b.StopServers())
		b.serve6(2)
	}
	again := func() []string { return []string{"server answers again", "server=2001:db8:9::2"} }
	return []fault{
		{
			name: "DHCPv6: the server's process is killed", six: true, quick: true, config: config6, asked: "[2001:db8:9::2]:547", prepare: prepare,
			strike:   func(b *old) { b.must(b.server6.Close()) },
			mend:     func(b *old) { b.serve6(2) },
			severity: status.Error, finding: []string{"2001:db8:9::2", "Requests do not reach the server", "2001:db8:9::2 says that nothing listens on port 547"},
			trace: []string{"no answer from 2001:db8:9::2", "that the server runs"},
			log:   []string{"level=ERROR", "server does not answer", "server=2001:db8:9::2"}, back: again(),
			alerts: []string{"DHCPRelayServerSilent"},
		},
		{
			name: "DHCPv6: the server has no subnet for one interface", six: true, quick: true, config: config6, asked: "[2001:db8:9::2]:547", prepare: prepare,
			strike:   func(b *old) { b.must(b.server6.Close()); b.serve6(1) },
			mend:     func(b *old) { b.must(b.server6.Close()); b.serve6(2) },
			severity: status.Error, finding: []string{"clients-b", "The servers answer the requests of other interfaces", "add a subnet that holds the link-address 2001:db8:2::1"},
			trace: []string{"a subnet for link-address 2001:db8:2::1"},
			slow:  []string{"DHCPRelayRequestsUnanswered"},
		},
		{
			name: "DHCPv6: the address of the interface is gone", six: true, quick: true, config: config6 + "[interface.dhcpv6]\nlink_address = \"2001:db8::/32\"\n", asked: "[2001:db8:9::2]:547", prepare: prepare,
			strike:   func(b *old) { b.must(b.Node("relay").DelAddr("clients-a", "2001:db8:1::1/64")) },
			mend:     func(b *old) { b.must(b.Node("relay").Addr("clients-a", "2001:db8:1::1/64")) },
			severity: status.Error, finding: []string{"clients-a", "no address that may stand for its clients", "Give the interface a global IPv6 address"},
			log:   []string{"clients-a", "no_link_address"},
			slow:  []string{"DHCPRelayInterfaceNotRelaying"},
			trace: []string{"no address that may stand for its clients"},
		},
		{
			name: "DHCPv6: a firewall at the server drops", six: true, quick: true, config: config6, asked: "[2001:db8:9::2]:547", prepare: prepare,
			strike:   func(b *old) { b.nft("s1", "input", "udp dport 547 drop") },
			mend:     accept("s1"),
			severity: status.Error, finding: []string{"2001:db8:9::2", "The server does not answer", "answered until"},
			log: []string{"server does not answer", "server=2001:db8:9::2"}, back: again(),
			alerts: []string{"DHCPRelayServerSilent"},
			trace:  []string{"no answer from 2001:db8:9::2"},
		},
	}
}
