package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"dhcp-relay/relay/config"
	web "dhcp-relay/relay/http"
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
			gate: gate, handler: web.NewMux(p.shown(), gate), webConfig: at.WebConfig,
		})
	}
	if at := p.controlAt; at.Socket != "" {
		gate := web.NewGate("control", false, p.log)
		es = append(es, &endpoint{
			name: "control", address: at.Socket, key: "control.socket",
			listen: func(ctx context.Context) (net.Listener, error) {
				return web.Listen(ctx, at.Socket, at.Mode, at.Group)
			},
			gate: gate, handler: p.controlMux(gate),
		})
	}
	for _, e := range es {
		e.log, e.tried = p.log, make(chan struct{})
	}
	return es
}

// shown is what is answered on [metrics] listen: whoever may read this changes
// nothing.
func (p *process) shown() web.Relay {
	return web.Relay{
		Metrics: p.metrics.Handler(), Unready: p.unready, Doubts: p.doubts, Report: p.report,
		Transactions: p.view.Last, Trace: p.view.Trace(),
	}
}

// controlMux answers on the socket of [control].
func (p *process) controlMux(gate *web.Gate) *http.ServeMux {
	all := p.shown()
	all.Record = p.view.Record()
	mux := web.NewMux(all, gate)
	mux.Handle(logLevelPath, &levelHandler{p.level, p.log})
	mux.HandleFunc("POST "+reloadPath, p.serveReload)
	return mux
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
	if stale := p.engine.Picture().Stale; stale != "" {
		why = append(why, "the interfaces of this host cannot be read: "+stale)
	}
	if other := p.surroundings.doubles(); len(other) > 0 {
		why = append(why, "another DHCP server or relay hears the same clients: "+strings.Join(other, ", "))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.config.ok {
		why = append(why, "the configuration was changed and could not be applied, the former one holds; dhcp-relay check says what is wrong")
	}
	return why
}

// checkServed tells what this host lacks of what the endpoints need: a sound file
// of TLS and basic authentication, and the group of the socket. What may come
// later is a warning.
func checkServed(cfg *config.Config) (warnings []config.Problem, err error) {
	switch err := web.Check(cfg.Metrics.WebConfig); {
	case errors.Is(err, web.ErrUnreadable):
		warnings = append(warnings, cfg.Wrong("metrics.web_config", err.Error(), "make it readable for the daemon; until then nothing is served on metrics.listen"))
	case err != nil:
		return nil, config.Problems{cfg.Wrong("metrics.web_config", err.Error(), "write the file as Prometheus documents its web configuration")}
	}
	if cfg.Control.Socket != "" {
		if err := web.CheckGroup(cfg.Control.Group); err != nil {
			warnings = append(warnings, cfg.Wrong("control.group", err.Error(), "name a group that is in /etc/group; until there is one the commands do not find the daemon"))
		}
	}
	return warnings, nil
}

// parseListen reads an address as metrics.listen has it.
func parseListen(s string) (netip.AddrPort, error) {
	if strings.HasPrefix(s, ":") {
		s = "[::]" + s
	}
	return netip.ParseAddrPort(s)
}
