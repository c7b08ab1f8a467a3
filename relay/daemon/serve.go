package daemon

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"time"

	"dhcp-relay/relay/api"
	web "dhcp-relay/relay/http"
	"dhcp-relay/relay/observe/status"
	"dhcp-relay/relay/text"
)

// newEndpoints returns where the process is to answer by [metrics] and [control].
func (p *process) newEndpoints() (es []*endpoint) {
	if at := p.metricsAt; at.On {
		address, gate := at.Listen.String(), web.NewGate("metrics", true, p.log)
		es = append(es, &endpoint{
			name: "metrics", address: address, key: "metrics.listen",
			listen: func(ctx context.Context) (net.Listener, error) {
				return new(net.ListenConfig).Listen(ctx, "tcp", address)
			},
			gate: gate, handler: web.NewMux(p.answers(p.shown), gate), webConfig: at.WebConfig,
		})
	}
	if at := p.controlAt; at.Socket != "" {
		gate := web.NewGate("control", false, p.log)
		es = append(es, &endpoint{
			name: "control", address: at.Socket, key: "control.socket",
			listen: func(ctx context.Context) (net.Listener, error) {
				return web.Listen(ctx, at.Socket, at.Mode, at.Group)
			},
			gate: gate, handler: web.NewMux(p.controlled(), gate),
		})
	}
	for _, e := range es {
		e.log, e.tried = p.log, make(chan struct{})
	}
	return es
}

// answers is what is answered to those who see a recording: whoever may read this
// changes nothing.
func (p *process) answers(v *web.Recording) web.Relay {
	return web.Relay{
		Metrics: p.metrics.Handler(), Unready: p.unready, Doubts: p.doubts,
		Report: func() status.Report { return p.report(v.Redacts()) },
		History: func(interfaces []status.Interface, servers []status.Server) {
			now := time.Now()
			status.Remember(interfaces, servers, p.recent.Histories(now, status.Names(interfaces)), now)
		},
		Transactions: v.Last, Trace: v.Trace(),
	}
}

// controlled is what is answered on the socket of [control].
func (p *process) controlled() web.Relay {
	all := p.answers(p.view)
	all.Control = &web.Control{Record: p.view.Record(), Level: p.level, Reload: p.askReload, Files: p.files, Probe: p.probe}
	return all
}

// askReload has the configuration read anew, by the one who does so at a signal.
func (p *process) askReload(ctx context.Context) (v api.Verdict, ok bool) {
	answer := make(chan api.Verdict, 1)
	select {
	case p.asked <- answer:
	case <-ctx.Done():
		return v, false
	}
	select {
	case v = <-answer:
		return v, true
	case <-ctx.Done():
		return v, false
	}
}

// unready says why clients are not served as the configuration says.
func (p *process) unready() []string {
	var why []string
	if !p.relaying.Load() {
		why = append(why, "the relay does not hear clients yet")
	}
	if f := p.engine.Failure(); f != "" {
		why = append(why, "not all sockets work: "+f)
	}
	if stale := p.engine.HostReading().Stale; stale != "" {
		why = append(why, "the interfaces of this host cannot be read: "+stale)
	}
	if other := p.surroundings.doubles(); len(other) > 0 {
		why = append(why, "another DHCP server or relay hears the same clients: "+strings.Join(other, ", "))
	}
	policy := p.current()
	if lost := unresolved(&policy); len(lost) > 0 {
		why = append(why, "no address is known of any server of "+text.Some(lost, 10))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.config.ok {
		why = append(why, "the configuration was changed and could not be applied, the former one holds; dhcp-relay check says what is wrong")
	}
	return why
}

// parseListen reads an address as metrics.listen has it.
func parseListen(s string) (netip.AddrPort, error) {
	if strings.HasPrefix(s, ":") {
		s = "[::]" + s
	}
	return netip.ParseAddrPort(s)
}
