package check

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Strict lists the interfaces of this host whose reverse path filter is strict.
func Strict() []string { return strictIn(sysctls + "/net/ipv4/conf") }

// strictIn lists the interfaces whose reverse path filter is strict. The kernel
// takes the higher of an interface's own value and that of all: 0 for none, 1
// for strict, 2 for loose (ip-sysctl, rp_filter). It lists none of those that
// cannot be read.
func strictIn(dir string) (names []string) {
	all := rpFilter(dir, "all")
	if all == "2" {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // no IPv4, or no such kernel: nothing is filtered
	}
	for _, e := range entries {
		name := e.Name()
		if slices.Contains([]string{"all", "default", "lo"}, name) {
			continue
		}
		if max(all, rpFilter(dir, name)) == "1" {
			names = append(names, name)
		}
	}
	return names
}

// rpFilter reads one value, a digit; "" if it cannot be read.
func rpFilter(dir, name string) string {
	b, err := os.ReadFile(filepath.Join(dir, name, "rp_filter"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
