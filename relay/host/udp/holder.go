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

	"dhcp-relay/relay/wire/dhcp"
)

// A Holder is a socket that holds a port, of this process or of another one.
type Holder struct {
	Addr    netip.AddrPort // local address
	Link    int            // index of the device that it is bound to, 0 for none
	Inode   uint32         // tells the socket from all others
	UID     uint32         // of the user who made it
	PID     int            // 0 if no process that may be looked at has it
	Command string         // the process's name
}

// String says who it is, as in "dnsmasq (pid 812) on 0.0.0.0:67".
func (h Holder) String() string { return fmt.Sprintf("%s on %v", h.Who(), h.Addr) }

// Who says whose it is, as in "dnsmasq (pid 812)".
func (h Holder) Who() string {
	if h.PID == 0 {
		return Unknown(h.Inode)
	}
	return fmt.Sprintf("%s (pid %d)", h.Command, h.PID)
}

// Unknown is what the process is called that has a socket, as long as it is not
// known: who may look at more processes finds out by the inode.
func Unknown(inode uint32) string { return fmt.Sprintf("an unknown process (socket %d)", inode) }

// Holders lists the sockets that hold a port of a family, those of this process
// included but for what only sends. A wildcard socket that is bound to no device takes unicast replies
// away from ours or has its own taken away; one of the same user may even be in
// the group of our sockets and take its places. A socket that is bound to a
// device takes nothing from ours on other devices; but while ours were bound
// later, they get the IPv4 unicasts to it: the kernel stops searching at the
// first SO_REUSEPORT group that fits, and looks at the youngest first.
func Holders(f dhcp.Family, port uint16) ([]Holder, error) {
	hs, err := list(f, port)
	if err != nil {
		return nil, err
	}
	Name(hs)
	return hs, nil
}

// Listeners is Holders without a look at other processes, which takes longer: PID
// and Command are known of this process's own alone.
func Listeners(f dhcp.Family, port uint16) ([]Holder, error) {
	hs, err := list(f, port)
	if err != nil {
		return nil, err
	}
	own(hs)
	return hs, nil
}

// list lists the sockets, of which it does not know whose they are.
func list(f dhcp.Family, port uint16) (hs []Holder, err error) {
	families := []uint8{unix.AF_INET6}
	if f == dhcp.V4 {
		families = []uint8{unix.AF_INET, unix.AF_INET6}
	}
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
			if s.ID.SourcePort != port || !hears(f, af, a) || onlySends(a) {
				continue
			}
			hs = append(hs, Holder{Addr: netip.AddrPortFrom(a, port), Link: int(s.ID.Interface), Inode: s.INode, UID: s.UID})
		}
	}
	return hs, nil
}

// hears reports whether a socket of family af can hear f: IPv6 sockets hear IPv4
// through mapped addresses and the wildcard.
func hears(f dhcp.Family, af uint8, a netip.Addr) bool {
	return f == dhcp.V6 || af == unix.AF_INET || a.IsUnspecified() || a.Is4In6()
}

// Name finds the processes that have the sockets. Processes that end meanwhile,
// or that this one may not look at, are passed over. Most sockets are this
// process's own, and to look at all others is dear. The first
// process comes last: systemd keeps sockets for others, which have them too.
func Name(hs []Holder) {
	own(hs)
	name(hs, "[2-9]*", "1[0-9]*", "1")
}

// own finds the sockets that this process has, by their inodes: it has thousands of
// descriptors, and who follows the ports asks each second.
func own(hs []Holder) {
	if len(hs) == 0 {
		return
	}
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return
	}
	fds, _ := dir.Readdirnames(-1) // those up to the error will do
	_ = dir.Close()                // nothing was written to it
	at := make(map[uint64]int, len(hs))
	for i := range hs {
		at[uint64(hs[i].Inode)] = i
	}
	me, self := strconv.Itoa(os.Getpid()), &Holder{}
	for _, name := range fds {
		var st unix.Stat_t
		fd, err := strconv.Atoi(name)
		if err != nil || unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFSOCK {
			continue
		}
		if i, ok := at[st.Ino]; ok && (self.PID != 0 || self.have(me)) {
			hs[i].PID, hs[i].Command = self.PID, self.Command
		}
	}
}

// SocketsOf lists the inodes of a process's sockets, none if it may not be looked
// at.
func SocketsOf(pid int) (inodes []uint32) {
	fds, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/fd/*") // the only error is a bad pattern
	for _, fd := range fds {
		target, err := os.Readlink(fd)
		if err != nil {
			continue
		}
		number, ok := strings.CutPrefix(strings.TrimSuffix(target, "]"), "socket:[")
		if inode, err := strconv.ParseUint(number, 10, 32); ok && err == nil {
			inodes = append(inodes, uint32(inode))
		}
	}
	return inodes
}

// name looks for the sockets among those of the processes that patterns name.
func name(hs []Holder, whose ...string) {
	inodes := make(map[string]int, len(hs)) // link target in /proc -> index into hs
	for i := range hs {
		if hs[i].PID == 0 {
			inodes["socket:["+strconv.FormatUint(uint64(hs[i].Inode), 10)+"]"] = i
		}
	}
	unknown := len(inodes)
	for _, who := range whose {
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
