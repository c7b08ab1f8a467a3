package main

import (
	"syscall"
	"testing"
)

func TestRunServesTheWatchdog(t *testing.T) {
	t.Setenv("WATCHDOG_USEC", "300000")
	d := start(t, "metrics.listen = \"\"\n[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n")
	d.notices("READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1")
	d.signal(syscall.SIGTERM)
}
