package text

import "strings"

// Sysctl writes a setting of an interface as sysctl takes it, which has slashes for the
// dots in the names of interfaces: Sysctl("net.ipv4.conf.", "eth0.10", ".rp_filter").
func Sysctl(before, link, after string) string {
	return before + strings.ReplaceAll(link, ".", "/") + after
}

// What the kernel drops where rp_filter is strict (1), of servers and of clients. The
// sentence begins with "the kernel drops".
const (
	StrictToReplies = "replies that come in by another interface than the route to the server"
	StrictToClients = "what a client sends from an address of another network, such as one that has moved here and renews its old lease"
)

// Loosen says how to end strict rp_filter on an interface: the kernel takes the higher
// of its value and that of all.
func Loosen(link string) string {
	return "set " + Sysctl("net.ipv4.conf.", link, ".rp_filter") + " = 2 and net.ipv4.conf.all.rp_filter = 0 or 2"
}
