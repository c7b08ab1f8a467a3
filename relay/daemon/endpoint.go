package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"time"

	"dhcp-relay/metrics"
	"dhcp-relay/relay/host/udp"
	web "dhcp-relay/relay/http"
	"dhcp-relay/relay/observe/status"
)

const (
	// listenPause is how long an endpoint that cannot be opened rests before the next
	// try, which costs some system calls.
	listenPause = time.Second
	// lostEvery is how often to look whether the control socket is still there.
	lostEvery = 5 * time.Second
	// holderEvery is how often to look who holds a port.
	holderEvery = time.Minute
	// firstListen is how long the start waits for the endpoints: whoever is told
	// that the relay is ready finds them, unless they fail or hang.
	firstListen = time.Second
)

var (
	errSocketGone = errors.New("the socket was removed")
	errEnded      = errors.New("it has ended")
)

// An endpoint is where the process answers. It only observes, so that nothing that
// keeps it from being opened keeps the relay from relaying: it is opened as soon
// as it can be.
type endpoint struct {
	name      string // the table of the configuration that it stands in
	address   string
	key       string // of the configuration, which names the address
	listen    func(context.Context) (net.Listener, error)
	gate      *web.Gate
	handler   http.Handler
	webConfig string // file of TLS and basic authentication
	log       *slog.Logger
	tried     chan struct{} // closed after the first try

	// What follows belongs to the goroutine of run.
	held  string // who holds the port
	asked time.Time

	mu     sync.Mutex // guards what follows
	open   bool
	reason string // why it is not open; "" before the first try
	do     string // what to do about it
	since  time.Time
}

// run answers until ctx ends.
func (e *endpoint) run(ctx context.Context) {
	var once sync.Once
	for {
		err := e.serve(ctx, func() { once.Do(func() { close(e.tried) }) })
		if ctx.Err() != nil {
			return
		}
		e.failed(err)
		once.Do(func() { close(e.tried) })
		select {
		case <-ctx.Done():
			return
		case <-time.After(listenPause):
		}
	}
}

// serve opens the endpoint and answers until ctx ends or it breaks.
func (e *endpoint) serve(ctx context.Context, opened func()) error {
	if err := web.Check(e.webConfig); err != nil {
		return err
	}
	ln, err := e.listen(ctx)
	if err != nil {
		return err
	}
	e.held = ""
	e.works()
	opened()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { watchSocket(ctx, ln, cancel) })
	err = web.Serve(ctx, ln, e.handler, e.webConfig, e.gate)
	if cause := context.Cause(ctx); err == nil && cause != nil {
		err = cause
	}
	cancel(errEnded)
	return err
}

// watchSocket ends serving when the file of a Unix socket is gone, so that it is
// made anew.
func watchSocket(ctx context.Context, ln net.Listener, end context.CancelCauseFunc) {
	tick := time.NewTicker(lostEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if web.Lost(ln) {
				end(errSocketGone)
				return
			}
		}
	}
}

// works notes that the endpoint is open, and logs it if it was not before.
func (e *endpoint) works() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.reason != "" {
		e.log.Info("listener works", "listener", e.name, "address", e.address)
	}
	e.open, e.reason, e.do, e.since = true, "", "", time.Now()
}

// failed notes why the endpoint is not open, and logs it once.
func (e *endpoint) failed(err error) {
	reason := err.Error()
	if errors.Is(err, syscall.EADDRINUSE) {
		reason += e.holder(time.Now())
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open || e.since.IsZero() {
		e.since = time.Now()
	}
	if e.open || e.reason == "" {
		e.log.Warn("listener does not work, relaying goes on without it", "listener", e.name, "address", e.address, "err", reason, "retry_every", listenPause)
	}
	e.open, e.reason, e.do = false, reason, e.remedy(err)
}

// remedy says what to do about an error.
func (e *endpoint) remedy(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "Nothing, if this host is to get the address; else write another one in " + e.key + " and restart."
	case errors.Is(err, syscall.EADDRINUSE):
		return "Stop the program that holds the port, or write another port in " + e.key + " and restart."
	case errors.Is(err, web.ErrUnreadable):
		return "Make the file that metrics.web_config names, and the files that it names, readable for the daemon's user, and restart if they are in another directory than at the start."
	case e.name == "control":
		return "Put right what the message says, or write another control.socket and restart; without it the commands do not find the daemon."
	default:
		return "Put right what the message says, or write another address in " + e.key + " and restart."
	}
}

// holder says who holds the port, as of a while ago: to look at every process takes
// more than the try itself.
func (e *endpoint) holder(now time.Time) string {
	if e.held == "" || now.Sub(e.asked) >= holderEvery {
		e.held, e.asked = heldBy(e.address), now
	}
	return e.held
}

// heldBy names the processes that listen where an endpoint is to, if it can.
func heldBy(address string) string {
	a, err := parseListen(address)
	if err != nil {
		return ""
	}
	hs, err := udp.TCPHolders(a)
	if err != nil || len(hs) == 0 {
		return "; by whom is not known"
	}
	return "; held by " + hs[0].String()
}

// status tells of the endpoint.
func (e *endpoint) status() status.Listener {
	e.mu.Lock()
	defer e.mu.Unlock()
	return status.Listener{Name: e.name, Address: e.address, Open: e.open, Since: e.since, Error: e.reason, Do: e.do, Refused: e.refused()}
}

// refused tells what the endpoint has refused.
func (e *endpoint) refused() []status.Refused {
	return slices.DeleteFunc(e.gate.Refused(), func(r status.Refused) bool { return r.Count == 0 })
}

// awaitFirst waits until each endpoint was tried once, but not for long.
func awaitFirst(ctx context.Context, es []*endpoint) {
	late := time.After(firstListen)
	for _, e := range es {
		select {
		case <-e.tried:
		case <-late:
			return
		case <-ctx.Done():
			return
		}
	}
}

// listeners tells of every endpoint.
func (p *process) listeners() []status.Listener {
	all := make([]status.Listener, 0, len(p.endpoints))
	for _, e := range p.endpoints {
		all = append(all, e.status())
	}
	return all
}

// listenerStates tells the metrics which endpoints work, and what they refuse.
func (p *process) listenerStates() (all []metrics.ListenerState) {
	for _, e := range p.endpoints {
		l := e.status()
		s := metrics.ListenerState{Name: l.Name, Up: l.Open}
		for _, r := range e.gate.Refused() {
			s.Refused = append(s.Refused, metrics.Refused{Reason: string(r.Reason), Count: r.Count})
		}
		all = append(all, s)
	}
	return all
}

// doubts says what does not work beside relaying.
func (p *process) doubts() (all []string) {
	for _, l := range p.listeners() {
		if !l.Open && l.Error != "" {
			all = append(all, "["+l.Name+"] is not served on "+l.Address+": "+l.Error)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.config.drift() {
	case status.FileChanged:
		all = append(all, "the configuration file was changed and is not in effect; dhcp-relay reload takes it")
	case status.FileRefused:
		all = append(all, "the configuration file was changed and would be refused; dhcp-relay check says why")
	case status.FileSame:
	}
	return all
}
