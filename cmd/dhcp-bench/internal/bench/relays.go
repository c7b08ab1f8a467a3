package bench

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"dhcp-relay/relay/wire/dhcp"
)

// Names of what is measured.
const (
	ours     = "dhcp-relay"
	nullName = "null"
	loadName = "load alone"

	// Ours with all that watches it at work, and without what can be switched off.
	oursWatched = ours + " watched"
	oursBare    = ours + " bare"
)

// A down is one client-facing link with the relay's addresses there.
type down struct {
	dev  string
	addr pair
}

// A site is what a relay has to be told.
type site struct {
	family dhcp.Family
	downs  []down
	next   down // a link that appears later
	up     string
	server netip.Addr
	dir    string // for files of the relay's own
}

func (s *site) v6() bool { return s.family == dhcp.V6 }

// downAddr returns the relay's address on a client-facing link.
func (s *site) downAddr(i int) netip.Addr { return s.downs[i].addr.addr(s.family) }

// devs returns the names of the client-facing links.
func (s *site) devs() []string {
	devs := make([]string, len(s.downs))
	for i, d := range s.downs {
		devs[i] = d.dev
	}
	return devs
}

// A subject is a relay to measure.
type subject struct {
	name      string
	binary    string
	families  []dhcp.Family
	yardstick bool // no relay, but a limit
	single    bool // knows one client-facing link only
	later     bool // relays on links that appear after its start
	paired    bool // ours in another form: of two such, one is measured right after the other
	watched   bool // scraped, looked at and traced all the time
	uplink    uplink
	command   func(s *site) ([]string, error)
}

var both = [...]dhcp.Family{dhcp.V4, dhcp.V6}

// subjects lists what can be measured. self is the command that plays the null
// relay.
func subjects(relay string, self []string) []subject {
	all := both[:]
	null := func(s *site) ([]string, error) {
		return append(self[:len(self):len(self)], "--link", strings.Join(s.devs(), ","), "--address", s.downAddr(0).String(),
			"--server", s.server.String()), nil
	}
	return []subject{
		{name: ours, binary: relay, families: all, later: true, command: oursCommand},
		{name: oursWatched, binary: relay, families: all, single: true, paired: true, watched: true, command: oursCommand},
		{name: oursBare, binary: relay, families: all, single: true, paired: true, command: bareCommand},
		{name: "dhcrelay", binary: "dhcrelay", families: all, command: dhcrelayCommand},
		{name: "dnsmasq", binary: "dnsmasq", families: all, later: true, command: dnsmasqCommand},
		{name: "dhcp-helper", binary: "dhcp-helper", families: all[:1], later: true, command: helperCommand},
		{name: "dibbler", binary: "dibbler-relay", families: all[1:], command: dibblerCommand},
		{name: "wide", binary: "dhcp6relay", families: all[1:], command: wideCommand},
		{name: nullName, families: all, yardstick: true, command: null},
	}
}

// oursCommand writes the least configuration. The links are named by patterns,
// so that one that appears later is relayed too.
func oursCommand(s *site) ([]string, error) {
	return configured(s, fmt.Sprintf("control.socket = %q\n", filepath.Join(s.dir, controlSocket)))
}

// bareCommand switches off all that can be without: recorder and endpoints.
func bareCommand(s *site) ([]string, error) {
	return configured(s, "recorder.messages = 0\nmetrics.listen = \"\"\ncontrol.socket = \"\"\n")
}

func configured(s *site, top string) ([]string, error) {
	var b strings.Builder
	b.WriteString(top)
	for _, p := range []string{downLink, "c*"} {
		fmt.Fprintf(&b, "[[interface]]\nname = %q\nservers = [%q]\n", p, s.server)
	}
	file := filepath.Join(s.dir, "relay.toml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		return nil, err
	}
	return []string{"run", "--config", file}, nil
}

// dhcrelayCommand has option 82 added, as ours does.
func dhcrelayCommand(s *site) ([]string, error) {
	args := []string{"-d", "-q", "--no-pid"}
	if !s.v6() {
		args = append(args, "-4", "-a")
		for _, d := range s.downs {
			args = append(args, "-id", d.dev)
		}
		return append(args, "-iu", s.up, s.server.String()), nil
	}
	args = append(args, "-6")
	for _, d := range s.downs {
		args = append(args, "-l", d.dev)
	}
	return append(args, "-u", s.server.String()+"%"+s.up), nil
}

func dnsmasqCommand(s *site) ([]string, error) {
	var b strings.Builder
	b.WriteString("port=0\nbind-dynamic\nno-resolv\nno-hosts\n")
	for i := range s.downs {
		fmt.Fprintf(&b, "dhcp-relay=%s,%s\n", s.downAddr(i), s.server)
	}
	fmt.Fprintf(&b, "dhcp-relay=%s,%s\n", s.next.addr.addr(s.family), s.server)
	file := filepath.Join(s.dir, "dnsmasq.conf")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		return nil, err
	}
	return []string{"--keep-in-foreground", "--user=root", "--conf-file=" + file, "--log-facility=/dev/null", "--pid-file="}, nil
}

// helperCommand names no client-facing link: all count but those excluded, also
// those that appear later; a name of one that is not there ends dhcp-helper.
func helperCommand(s *site) ([]string, error) {
	return []string{"-n", "-u", "root", "-r", filepath.Join(s.dir, "pid"), "-s", s.server.String(), "-e", s.up}, nil
}

// dibblerCommand gives dibbler its fixed places in a mount namespace of its
// own: it looks nowhere else.
func dibblerCommand(s *site) ([]string, error) {
	var b strings.Builder
	b.WriteString("log-level 3\n")
	for i, d := range s.downs {
		fmt.Fprintf(&b, "iface %s {\n client multicast yes\n interface-id %d\n}\n", d.dev, i+1)
	}
	fmt.Fprintf(&b, "iface %s {\n server unicast %s\n}\n", s.up, s.server)
	if err := os.WriteFile(filepath.Join(s.dir, "relay.conf"), []byte(b.String()), 0o600); err != nil {
		return nil, err
	}
	return []string{"run"}, nil
}

func wideCommand(s *site) ([]string, error) {
	return append([]string{"-f", "-p", filepath.Join(s.dir, "pid"), "-r", s.up, "-s", s.server.String()}, s.devs()...), nil
}

// find returns the path of a program: where the lab has unpacked peers, in
// PATH, or where daemons are.
func find(name, peers string) (string, error) {
	for _, dir := range []string{filepath.Join(peers, "usr", "sbin"), "/usr/sbin", "/sbin"} {
		if p, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return filepath.Abs(p)
		}
	}
	p, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s is not installed", name)
	}
	return filepath.Abs(p)
}
