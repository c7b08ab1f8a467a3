// Package daemon is what the command run is: the engine with what is around it, the
// endpoints, signals, reloads, the watchdog and the successor, from the start until
// the end. It decides nothing about a message.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"dhcp-relay/metrics"
	"dhcp-relay/relay"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/api"
	"dhcp-relay/relay/config"
	"dhcp-relay/relay/host/check"
	"dhcp-relay/relay/host/confine"
	"dhcp-relay/relay/host/fdstore"
	web "dhcp-relay/relay/http"
	"dhcp-relay/relay/journal"
	"dhcp-relay/relay/observe/count"
)

// gcPercent is how much garbage there may be for what is in use. Messages make none, so
// that it is collected once in minutes, and is what would make the process larger with time.
const gcPercent = 15

// Options say what to run.
type Options struct {
	File    string    // of the configuration
	Version string    // of this program
	Stderr  io.Writer // of the log

	// Past is for tests of what is seen of a relay that has run for long: it makes what
	// was counted before the start, and returns when that began. Nil: there was nothing.
	Past func(*count.Table, *count.Recent) time.Time
}

// Run relays until ctx ends. At SIGUSR2 the program file takes the place of this
// process, so that Run does not return.
func Run(ctx context.Context, o Options) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	raiseDescriptors()
	store, box := fdstore.Open(), confine.Open()
	for {
		err := runOnce(ctx, o, store, box)
		if next := (*successor)(nil); !errors.As(err, &next) {
			return err
		} else if err := next.run(store, box); err != nil {
			fmt.Fprintln(o.Stderr, "dhcp-relay: relaying goes on with the program as it is:", err)
		}
	}
}

// runOnce relays until told to stop, or to make place for another program.
func runOnce(ctx context.Context, o Options, store *fdstore.Store, box *confine.Box) error {
	names := newHosts()
	cfg, changes, err := loadForRun(ctx, o.File, names)
	if err != nil {
		return err
	}
	lacks, err := check.Capable(&cfg.Policy)
	if err != nil {
		return err
	}
	p := newProcess(o, cfg, names)
	defer p.lines.Close(logGrace)
	p.tellNames(changes)
	p.box, p.unconfined = box, cfg.Unconfined
	if lacks != nil {
		p.engine.WithoutFrames(lacks)
	}
	p.inherit(store)
	defer p.leave()
	return p.run(ctx)
}

// A process is the engine with what is around it.
type process struct {
	file    string
	version string
	level   *slog.LevelVar
	lines   *journal.Writer // of the log
	log     *slog.Logger
	counts  *count.Table
	metrics *metrics.Metrics
	engine  *relay.Engine
	view    *web.Recording // what was recorded, as who may use the socket sees it
	shown   *web.Recording // the same as [metrics] shows it
	// Where it answers. A change takes effect at the next start.
	metricsAt config.Metrics
	controlAt config.Control
	endpoints []*endpoint
	relaying  atomic.Bool // clients are heard
	// What was recorded stays until the next start.
	recorderAt config.Recorder
	logAs      string                  // format of the log, until the next start
	asked      chan chan<- api.Verdict // reloads, each with room for the answer
	unconfined bool                    // nothing is given up, until the next start
	box        *confine.Box

	store  *fdstore.Store // nil: nothing outlives the process
	former *note          // of the process whose sockets were taken over; nil: unknown
	note   *os.File       // for the next one; nil: none

	started      time.Time
	recent       count.Recent
	tables       []*fullTable // belong to who takes the samples
	surroundings surroundings
	canaries     canaries
	hosts        *hosts

	mu     sync.Mutex // guards what follows
	config configState
	policy agent.Policy // in effect
}

// A configState is the outcome of the last time the configuration was read.
type configState struct {
	ok      bool
	tried   time.Time
	err     error // why the last attempt failed, nil if ok
	at      time.Time
	hash    string
	files   []config.File // in effect
	names   []string      // DNS names in them
	unfit   error         // why what they mean is not in effect, nil if it is
	reloads uint64        // that took effect
	refused uint64
	file    onDisk // as it was seen last
}

func newProcess(o Options, cfg *Loaded, names *hosts) *process {
	p := &process{hosts: names, file: o.File, version: o.Version, level: new(slog.LevelVar), counts: count.New(), started: time.Now(), tables: fullTables()}
	if o.Past != nil {
		p.started = o.Past(p.counts, &p.recent)
	}
	p.level.Set(cfg.Log.Level)
	p.lines = journal.NewWriter(o.Stderr, func(lost uint64) {
		p.log.Warn("the log took nothing for a while, and lines are lost", "count", lost)
	})
	p.log = slog.New(logHandler(o.Stderr, p.lines, cfg.Log.Format, p.level))
	p.metrics = metrics.New(o.Version, p.counts)
	p.engine = relay.New(cfg.Policy, p.counts, p.log)
	p.engine.Record(cfg.Recorder.Messages)
	p.metricsAt, p.controlAt, p.recorderAt, p.logAs = cfg.Metrics, cfg.Control, cfg.Recorder, cfg.Log.Format
	p.view = web.NewRecording(p.engine, "dhcp-relay "+p.version, cfg.Recorder.Redact)
	p.shown = web.NewRecording(p.engine, "dhcp-relay "+p.version, cfg.Recorder.Redact || !cfg.Metrics.Clients)
	p.asked = make(chan chan<- api.Verdict)
	p.endpoints = p.newEndpoints()
	p.applied(cfg)
	p.warn(cfg)
	p.metrics.SetState(p.state)
	return p
}

// run runs the engine, and beside it what observes it, until ctx ends or the
// engine fails.
func (p *process) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	defer wg.Wait()
	if err := check.Alone(p.current()); err != nil {
		return err
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	wg.Go(func() { p.reloads(ctx, hup) })
	wg.Go(func() { p.followFile(ctx) })
	usr1 := make(chan os.Signal, 1)
	signal.Notify(usr1, syscall.SIGUSR1)
	defer signal.Stop(usr1)
	wg.Go(func() { p.dumps(ctx, usr1) })
	usr2 := make(chan os.Signal, 1)
	signal.Notify(usr2, syscall.SIGUSR2)
	defer signal.Stop(usr2)
	wg.Go(func() { p.replaces(ctx, usr2, cancel) })

	for _, e := range p.endpoints {
		wg.Go(func() { e.run(ctx) })
	}

	err := p.engine.Run(ctx, func() {
		p.relaying.Store(true)
		awaitFirst(ctx, p.endpoints)
		p.trim()
		p.confine()
		p.log.Info("relaying", "version", p.version, "config", p.file, "metrics", listenAddress(p.metricsAt), "control", p.controlAt.Socket)
		p.warnOfDescriptors()
		p.tellTakeover()
		p.notify(daemon.SdNotifyReady)
		wg.Go(func() { p.watchdog(ctx) })
		wg.Go(func() { followRivals(ctx, p.rivals, p.setRivals, p.log) })
		wg.Go(func() { p.followCounters(ctx) })
		wg.Go(func() { p.probes(ctx) })
		wg.Go(func() { p.followNames(ctx) })
		wg.Go(func() { p.view.Log(ctx, p.log) })
	})
	var next *successor
	if cause := context.Cause(ctx); err == nil && errors.As(cause, &next) {
		err = cause
	} else {
		p.notify(daemon.SdNotifyStopping)
	}
	cancel(nil)
	return err
}

// reloads reads the configuration anew at each signal, and for whoever asks for
// it. What names of servers mean changes here too, so that one comes after the other.
func (p *process) reloads(ctx context.Context, hup <-chan os.Signal) {
	for {
		var asked chan<- api.Verdict
		select {
		case <-ctx.Done():
			return
		case <-hup:
		case asked = <-p.asked:
		case <-p.hosts.moved:
			p.renew(ctx)
			continue
		}
		p.notify(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec())
		v := p.reload(ctx)
		p.notify(daemon.SdNotifyReady)
		if asked != nil {
			asked <- v
		}
	}
}
