package udp

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A Holder is a socket that holds a port, of this process or of another one.
type Holder struct {
	Addr    netip.AddrPort // local address
	Link    int            // index of the device that it is bound to, 0 for none
	PID     int            // 0 if no process that may be looked at has it
	Command string         // the process's name
}

// String says who it is, as in "dnsmasq (pid 812) on 0.0.0.0:67".
func (h Holder) String() string {
	if h.PID == 0 {
		return fmt.Sprintf("an unknown process on %v", h.Addr)
	}
	return fmt.Sprintf("%s (pid %d) on %v", h.Command, h.PID, h.Addr)
}

// Holders lists the sockets that hold a port of a family, those of this process
// included. A wildcard socket that is bound to no device takes unicast replies
// away from ours or has its own taken away; one of the same user may even be in
// the group of our sockets and take its places. A socket that is bound to a
// device takes nothing from ours on other devices; but while ours were bound
// later, they get the IPv4 unicasts to it: the kernel stops searching at the
// first SO_REUSEPORT group that fits, and looks at the youngest first.
func Holders(f Family, port uint16) ([]Holder, error) {
	families := []uint8{unix.AF_INET6}
	if f == V4 {
		families = []uint8{unix.AF_INET, unix.AF_INET6}
	}
	var hs []Holder
	inodes := make(map[string]int) // link target in /proc -> index into hs
	for _, af := range families {
		socks, err := netlink.SocketDiagUDP(af)
		if err != nil {
			return nil, fmt.Errorf("list UDP sockets: %w", err)
		}
		for _, s := range socks {
			a, _ := netip.AddrFromSlice(s.ID.Source)
			if af == unix.AF_INET {
				a = a.Unmap()
			}
			if s.ID.SourcePort != port || !hears(f, af, a) {
				continue
			}
			inodes["socket:["+strconv.FormatUint(uint64(s.INode), 10)+"]"] = len(hs)
			hs = append(hs, Holder{Addr: netip.AddrPortFrom(a, port), Link: int(s.ID.Interface)})
		}
	}
	if len(hs) > 0 {
		name(hs, inodes)
	}
	return hs, nil
}

// hears reports whether a socket of family af can hear f: IPv6 sockets hear IPv4
// through mapped addresses and the wildcard.
func hears(f Family, af uint8, a netip.Addr) bool {
	return f == V6 || af == unix.AF_INET || a.IsUnspecified() || a.Is4In6()
}

// name finds the processes that have the sockets. Processes that end meanwhile,
// or that this one may not look at, are passed over. Most sockets are this
// process's own, and to look at all others takes 12 ms of CPU where there are 80.
func name(hs []Holder, inodes map[string]int) {
	unknown := len(hs)
	for _, who := range []string{strconv.Itoa(os.Getpid()), "[0-9]*"} {
		if unknown == 0 {
			return
		}
		fds, _ := filepath.Glob("/proc/" + who + "/fd/*") // the only error is a bad pattern
		for _, fd := range fds {
			target, err := os.Readlink(fd)
			if err != nil {
				continue
			}
			if i, ok := inodes[target]; ok && hs[i].PID == 0 && hs[i].have(strings.Split(fd, "/")[2]) {
				unknown--
			}
		}
	}
}

// have notes that a process has the socket. It reports false if that has ended.
func (h *Holder) have(pid string) bool {
	comm, err := os.ReadFile("/proc/" + pid + "/comm")
	if err != nil {
		return false
	}
	h.PID, _ = strconv.Atoi(pid) // digits, by the pattern
	h.Command = strings.TrimSpace(string(comm))
	return true
}
