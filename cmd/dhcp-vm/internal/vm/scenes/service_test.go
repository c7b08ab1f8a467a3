package scenes

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// ctl runs systemctl.
func ctl(args ...string) (string, error) {
	out, err := exec.Command("systemctl", args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("systemctl %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), err
}

// show returns a property of the service.
func (b *booted) show(property string) string {
	b.t.Helper()
	v, err := ctl("show", "--value", "--property="+property, service)
	must(b.t, err)
	return v
}

func (b *booted) pid() int {
	b.t.Helper()
	n, err := strconv.Atoi(b.show("MainPID"))
	must(b.t, err)
	return n
}

// log returns what the daemon has said since the boot.
func (b *booted) log() string {
	b.t.Helper()
	out, err := exec.Command("journalctl", "--no-pager", "-b", "-o", "cat", "-u", service).Output()
	must(b.t, err)
	return string(out)
}

// sockets counts the UDP sockets on the ports of relays and the packet sockets of
// this host.
func sockets() (n int, err error) {
	for file, port := range map[string]string{"udp": ":0043", "udp6": ":0223", "packet": ""} {
		text, readErr := os.ReadFile("/proc/net/" + file)
		err = errors.Join(err, readErr)
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			if f[0] == "sl" || f[0] == "sk" {
				continue
			}
			if strings.HasSuffix(f[1], port) {
				n++
			}
		}
	}
	return n, err
}

// processes returns the numbers of the processes that run the daemon.
func processes() (pids []string, err error) {
	names, err := filepath.Glob("/proc/[0-9]*/comm")
	for _, name := range names {
		if text, err := os.ReadFile(name); err == nil && strings.TrimSpace(string(text)) == "dhcp-relay" {
			pids = append(pids, filepath.Base(filepath.Dir(name)))
		}
	}
	return pids, err
}
