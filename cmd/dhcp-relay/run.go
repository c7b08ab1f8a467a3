package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"dhcp-relay/metrics"
	"dhcp-relay/relay"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/config"
	"dhcp-relay/relay/host/fdstore"
	"dhcp-relay/relay/observe/status"
	"dhcp-relay/relay/trace"
)

func newRunCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "run",
		Short: "Relay until told to stop",
		Long: "Relay until told to stop. SIGHUP reads the configuration anew; what is wrong\n" +
			"changes nothing. SIGUSR2 has the program file, as it is now, take the place of the\n" +
			"process, which keeps its number and its sockets: an upgrade of which no client\n" +
			"notices anything, under any supervisor. SIGUSR1 writes the messages that the flight recorder holds into\n" +
			"a capture file in /var/lib/dhcp-relay, or systemd's state directory.",
		Args: cobra.NoArgs,
	}
	file := addConfigFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		store := fdstore.Open()
		for {
			err := runOnce(c, *file, store)
			if next := (*successor)(nil); !errors.As(err, &next) {
				return err
			} else if err := next.run(store); err != nil {
				fmt.Fprintln(c.ErrOrStderr(), "dhcp-relay: relaying goes on with the program as it is:", err)
			}
		}
	}
	return c
}

// runOnce relays until told to stop, or to make place for another program.
func runOnce(c *cobra.Command, file string, store *fdstore.Store) error {
	cfg, err := loadForRun(file)
	if err != nil {
		return err
	}
	lacks, err := capable(&cfg.Policy)
	if err != nil {
		return err
	}
	p := newProcess(file, cfg, c.ErrOrStderr())
	if lacks != nil {
		p.engine.WithoutFrames(lacks)
	}
	p.tune = limitGarbage()
	p.inherit(store)
	defer p.leave()
	return p.run(c.Context())
}

// A process is the engine with what is around it.
type process struct {
	file    string
	level   *slog.LevelVar
	log     *slog.Logger
	metrics *metrics.Metrics
	engine  *relay.Engine
	view    *trace.View // what was recorded
	// Where it answers. A change takes effect at the next start.
	metricsAt config.Metrics
	controlAt config.Control
	endpoints []*endpoint
	relaying  atomic.Bool // clients are heard
	// What was recorded stays until the next start.
	recorderAt config.Recorder
	logAs      string              // format of the log, until the next start
	asked      chan chan<- verdict // reloads, each with room for the answer
	tune       bool                // the garbage collector is ours to set

	store  *fdstore.Store // nil: nothing outlives the process
	former *note          // of the process whose sockets were taken over; nil: unknown
	note   *os.File       // for the next one; nil: none

	started      time.Time
	recent       status.Recent
	tables       []*fullTable // belong to who takes the samples
	surroundings surroundings

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
	reloads uint64 // that took effect
	refused uint64
	file    onDisk // as it was seen last
}

func newProcess(file string, cfg *loaded, stderr io.Writer) *process {
	p := &process{file: file, level: new(slog.LevelVar), metrics: metrics.New(buildVersion()), started: time.Now(), tables: fullTables()}
	p.level.Set(cfg.Log.Level)
	p.log = slog.New(logHandler(stderr, cfg.Log.Format, p.level))
	p.engine = relay.New(cfg.Policy, p.metrics, p.log)
	p.engine.Record(cfg.Recorder.Messages)
	p.metricsAt, p.controlAt, p.recorderAt, p.logAs = cfg.Metrics, cfg.Control, cfg.Recorder, cfg.Log.Format
	p.view = trace.New(p.engine, "dhcp-relay "+buildVersion(), cfg.Recorder.Redact)
	p.asked = make(chan chan<- verdict)
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
	if err := onlyOne(p.current()); err != nil {
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
		p.log.Info("relaying", "version", buildVersion(), "config", p.file, "metrics", listenAddress(p.metricsAt), "control", p.controlAt.Socket)
		p.tellTakeover()
		p.notify(daemon.SdNotifyReady)
		wg.Go(func() { p.watchdog(ctx) })
		wg.Go(func() { followRivals(ctx, p.rivals, p.setRivals, p.log) })
		wg.Go(func() { followCounters(ctx, p.sample, &p.recent, p.log) })
		if p.tune {
			wg.Go(func() { followGarbage(ctx) })
		}
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
// it.
func (p *process) reloads(ctx context.Context, hup <-chan os.Signal) {
	for {
		var asked chan<- verdict
		select {
		case <-ctx.Done():
			return
		case <-hup:
		case asked = <-p.asked:
		}
		p.notify(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec())
		v := p.reload(ctx)
		p.notify(daemon.SdNotifyReady)
		if asked != nil {
			asked <- v
		}
	}
}
