package relay_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"go.uber.org/goleak"

	"dhcp-relay/relay"
	"dhcp-relay/relay/config"
	"dhcp-relay/relay/observe/count"
)

// childVariable names the configuration for a process that is not the tests but
// an engine in a namespace of theirs.
const childVariable = "RELAY_TEST_ENGINE"

// child runs an engine until SIGTERM. For each SIGUSR1 it prints how many
// allocations there were so far. It returns 3 if a goroutine is left over.
func child() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	cfg, err := config.Load(os.Getenv(childVariable), config.Host{Hostname: "router"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	before := goleak.IgnoreCurrent()
	e := relay.New(cfg.Policy, count.New(), slog.New(slog.NewTextHandler(os.Stderr, nil)))
	e.Record(1000)
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx, func() { fmt.Println("ready") }) }()
	for {
		select {
		case <-asked:
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			fmt.Println(m.Mallocs)
		case err := <-ended:
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
			if err := goleak.Find(before); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 3
			}
			return 0
		}
	}
}
