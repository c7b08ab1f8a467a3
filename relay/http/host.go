package http

import (
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// foreign reports whether a request may be that of a page whose name was made to
// lead here (DNS rebinding), which could read the answer. Whoever owns that name has
// a domain of the public DNS, and no certificate that the browser takes for this
// host. What monitoring asks for shows no clients, and monitoring asks by names that
// only the DNS knows.
func (g *Gate) foreign(r *http.Request) bool {
	switch r.URL.Path {
	case "/metrics", "/healthz", "/readyz":
		return false
	}
	name := hostOf(r.Host)
	if r.TLS != nil || !strings.Contains(name, ".") || strings.HasSuffix(name, ".localhost") {
		return false // localhost, and what has no domain, or is IPv6, too
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return false
	}
	return !slices.ContainsFunc(g.names(), func(own string) bool { return strings.EqualFold(own, name) })
}

// hostOf returns the host of a Host header, without port and brackets.
func hostOf(header string) string {
	name, _, err := net.SplitHostPort(header)
	if err != nil {
		name = header
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// hostNames returns the names of this host that it knows without asking anybody: its
// own, those beside it in /etc/hosts, and its own in the domains of /etc/resolv.conf.
// They are read each time, since they change.
func hostNames() []string {
	own, err := os.Hostname()
	if err != nil {
		return nil
	}
	hosts, _ := os.ReadFile("/etc/hosts")          // what cannot be read names nothing
	resolver, _ := os.ReadFile("/etc/resolv.conf") // as above
	return namesOf(own, string(hosts), string(resolver))
}

// namesOf returns the names of the host that calls itself own, by these two files.
func namesOf(own, hosts, resolver string) []string {
	names := []string{own}
	same := func(s string) bool { return strings.EqualFold(s, own) }
	for line := range strings.Lines(hosts) {
		line, _, _ = strings.Cut(line, "#")
		if f := strings.Fields(line); len(f) > 1 && slices.ContainsFunc(f[1:], same) {
			names = append(names, f[1:]...)
		}
	}
	short, _, _ := strings.Cut(own, ".")
	for line := range strings.Lines(resolver) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "search" && f[0] != "domain" {
			continue
		}
		for _, domain := range f[1:] {
			if domain = strings.Trim(domain, "."); domain != "" {
				names = append(names, short+"."+domain)
			}
		}
	}
	return names
}
