package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// TestMain lets scripts call this program, and two that run another one in a
// place of its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"dhcp-relay": main,
		"alone":      alone,
		"without":    without,
		"forge":      forge,
	})
}

// alone runs a program in a network namespace where there is nothing but the
// loopback.
func alone() {
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		fatal(err)
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		fatal(err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		fatal(err)
	}
	become(os.Args[1:])
}

// without runs a program without one capability, or without all.
func without() {
	runtime.LockOSThread()
	drop := map[string]uintptr{
		"CAP_NET_BIND_SERVICE": unix.CAP_NET_BIND_SERVICE,
		"CAP_NET_RAW":          unix.CAP_NET_RAW,
	}
	if os.Args[1] == "capabilities" {
		for c := range uintptr(unix.CAP_LAST_CAP + 1) {
			drop[fmt.Sprint(c)] = c
		}
	}
	for name, c := range drop {
		if name != os.Args[1] && os.Args[1] != "capabilities" {
			continue
		}
		// What is not in the bounding set is gone after exec.
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil && !errors.Is(err, unix.EINVAL) {
			fatal(err)
		}
	}
	become(os.Args[2:])
}

func become(args []string) {
	path, err := exec.LookPath(args[0])
	if err == nil {
		err = syscall.Exec(path, args, os.Environ())
	}
	fatal(err)
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(125)
}

// needRoot skips a test that makes namespaces, or fails it where that must work.
func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("RELAY_TEST_NOSKIP") != "" {
		t.Fatal("needs root, for network namespaces")
	}
	t.Skip("needs root, for network namespaces")
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Condition: func(cond string) (bool, error) {
			if cond != "root" {
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			if os.Geteuid() != 0 && os.Getenv("RELAY_TEST_NOSKIP") != "" {
				return false, errors.New("needs root, for network namespaces")
			}
			return os.Geteuid() == 0, nil
		},
	})
}
