package main

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"dhcp-relay/metrics/web"
	"dhcp-relay/relay/config"
)

// An endpoint is where the process answers.
type endpoint struct {
	name    string
	ln      net.Listener
	handler http.Handler
	config  string // file of TLS and basic authentication
}

// endpoints opens the listeners of [metrics] and [control].
func (p *process) endpoints(ctx context.Context) (es []endpoint, err error) {
	defer func() {
		if err != nil {
			closeAll(es)
		}
	}()
	if at := p.metricsAt; at.On {
		ln, err := new(net.ListenConfig).Listen(ctx, "tcp", at.Listen.String())
		if err != nil {
			return es, fmt.Errorf("serve metrics: %w", err)
		}
		es = append(es, endpoint{"metrics", ln, p.mux(), at.WebConfig})
	}
	if at := p.controlAt; at.Socket != "" {
		ln, err := web.Listen(ctx, at.Socket, at.Mode, at.Group)
		if err != nil {
			return es, fmt.Errorf("serve commands: %w; write another control.socket, or control.socket = \"\" to go without", err)
		}
		es = append(es, endpoint{"commands", ln, p.controlMux(), ""})
	}
	return es, nil
}

func closeAll(es []endpoint) {
	for _, e := range es {
		_ = e.ln.Close() // closed already, unless it was never served
	}
}

// serve answers until ctx is done.
func (p *process) serve(ctx context.Context, e endpoint) error {
	if err := web.Serve(ctx, e.ln, e.handler, e.config, p.log); err != nil {
		return fmt.Errorf("serve %s: %w", e.name, err)
	}
	return nil
}

// mux answers on [metrics] listen: whoever may read this changes nothing.
func (p *process) mux() *http.ServeMux {
	return web.NewMux(web.Relay{
		Metrics: p.metrics.Handler(), Unready: p.unready, Report: p.report,
		Transactions: p.view.Last, Trace: p.view.Trace(),
	})
}

// controlMux answers on the socket of [control].
func (p *process) controlMux() *http.ServeMux {
	mux := p.mux()
	mux.Handle("GET /record", p.view.Record())
	mux.Handle(logLevelPath, &levelHandler{p.level, p.log})
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
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.config.ok {
		why = append(why, "the configuration was changed and could not be applied, the former one holds; dhcp-relay check says what is wrong")
	}
	return why
}

// checkServed reports what this host lacks of what the endpoints need: a sound file
// of TLS and basic authentication, and the group of the socket.
func checkServed(cfg *config.Config) error {
	var all config.Problems
	if err := web.Check(cfg.Metrics.WebConfig); err != nil {
		all = append(all, cfg.Wrong("metrics.web_config", err.Error(), "write the file as Prometheus documents its web configuration"))
	}
	if cfg.Control.Socket != "" {
		if err := web.CheckGroup(cfg.Control.Group); err != nil {
			all = append(all, cfg.Wrong("control.group", err.Error(), "name a group that is in /etc/group"))
		}
	}
	if len(all) > 0 {
		return all
	}
	return nil
}
