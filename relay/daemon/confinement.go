package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kernel.org/pub/linux/libs/security/libcap/cap"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/config"
	"dhcp-relay/relay/host/confine"
	"dhcp-relay/relay/host/resolve"
	web "dhcp-relay/relay/http"
	"dhcp-relay/relay/observe/status"
	"dhcp-relay/relay/wire/dhcp"
)

// confine gives up what the process does not need from now on.
func (p *process) confine() {
	if p.unconfined {
		return
	}
	s := p.box.Apply(p.needs())
	for _, m := range s.Missing {
		p.log.Warn("not confined as far as can be", "err", m)
	}
	p.log.Info("confined", "capabilities", confine.Effective(), "seccomp", s.Seccomp, "landlock", s.Landlock)
}

// needs tells what the process goes on to need: whatever a reload may ask for, but
// for BPF, which is for link-layer addresses alone, and another group or address to answer at, which
// are for the next start.
func (p *process) needs() confine.Needs {
	policy := p.current()
	n := confine.Needs{
		// Sockets for VRFs that come later, and frames to clients.
		Capabilities: []cap.Value{cap.NET_BIND_SERVICE, cap.NET_RAW},
		Read:         append(confine.Dirs(append(web.Files(p.metricsAt.WebConfig), configFiles(p.file)...)...), "/proc", "/sys"),
		Files:        []string{"/etc/group", "/etc/hosts", "/etc/resolv.conf"},
		Group:        p.controlAt.Group,
		BPF:          policy.NeedsBPF(),
		Abstract:     strings.HasPrefix(os.Getenv("NOTIFY_SOCKET"), "@"),
	}
	for _, f := range policy.Files() {
		n.Read = append(n.Read, confine.Above(filepath.Dir(f)))
	}
	if policy.Named() {
		n.Read = append(n.Read, confine.Dirs(resolve.Files()...)...) // they are replaced rather than written
	}
	if os.Geteuid() != 0 {
		n.Read = append(n.Read, "/etc") // of others than root it keeps its secrets itself
	}
	if n.BPF {
		n.Capabilities = append(n.Capabilities, cap.BPF)
	}
	if p.metricsAt.On {
		n.Listen = []uint16{p.metricsAt.Listen.Port()}
	}
	if p.controlAt.Socket != "" {
		n.Write = append(n.Write, filepath.Dir(p.controlAt.Socket))
	}
	// What is not there cannot be allowed. Where it cannot be made, nothing is written.
	if dir, err := stateDir(); err == nil {
		n.Write = append(n.Write, dir)
	}
	if program, err := programFile(); err == nil {
		n.Run = program
	}
	return n
}

// configFiles lists what a reload reads. Those of conf.d may be links to elsewhere.
func configFiles(file string) []string {
	beside, err := config.Beside(file)
	if err != nil {
		beside = nil // the next reload says why
	}
	return append(beside, file)
}

// givenUp tells what a configuration would need that the process has given up.
func (p *process) givenUp(next agent.Policy) (texts []string) {
	now := p.current()
	for f := range dhcp.Family(dhcp.Families) {
		if !next.Relays(f) || now.Relays(f) || !p.box.State().On {
			continue
		}
		text := fmt.Sprintf("%s is new, and the daemon has confined itself since its start: what the sockets can hold is bounded by net.core.rmem_max", f)
		if f == dhcp.V6 && !confine.Has(cap.BPF) {
			text += ", and a client's first message goes without option 79 (CAP_BPF is given up)"
		}
		texts = append(texts, text+"; restart it to have all again")
	}
	if next.AsksFrame(dhcp.V4) && !now.AsksFrame(dhcp.V4) && p.box.State().On && !confine.Has(cap.BPF) {
		texts = append(texts, "the frames of DHCPv4 clients are asked for anew, and the daemon has confined itself since its start (CAP_BPF is given up): ports of bridges are not known; restart it to have them")
	}
	for _, f := range next.Files() {
		if p.box.State().Landlock > 0 && !slices.Contains(now.Files(), f) {
			texts = append(texts, f+" is new in active, and the daemon has confined itself since its start: if it may not read the file, the interface stays on standby; restart it")
		}
	}
	if next.Named() && !now.Named() && p.box.State().Landlock > 0 && os.Geteuid() == 0 {
		texts = append(texts, "DNS names are new, and the daemon has confined itself since its start: once /etc/hosts or /etc/resolv.conf is replaced, it no longer sees what they say; restart it")
	}
	slices.Sort(texts)
	return texts
}

// barred adds to an error that the process is confined, if that may be why.
func (p *process) barred(err error) error {
	if p.box.State().Landlock == 0 || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return fmt.Errorf("%w; the daemon has confined itself to the directories that it needed at its start: restart it, or set relay.confine to \"off\"", err)
}

// confinement tells what the process has given up.
func (p *process) confinement() status.Confinement {
	s := p.box.State()
	return status.Confinement{
		On: s.On, Former: s.Former, Capabilities: confine.Effective(), NoNewPrivs: s.NoNewPrivs,
		Seccomp: s.Seccomp, Landlock: s.Landlock, Missing: s.Missing,
	}
}
