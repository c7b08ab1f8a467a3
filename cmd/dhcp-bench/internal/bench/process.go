package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"dhcp-relay/cmd/lab/cputime"
	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/dhcp"
)

// startPatience is how long a relay may take until it relays.
const startPatience = 10 * time.Second

// A process is a relay that runs.
type process struct {
	subject *subject
	proc    *netns.Proc
	dir     string
	sample  []byte        // a request as it relays it
	back    netip.Addr    // where servers answer to
	ready   time.Duration // from its start to the first relayed request
	meter   *meter        // of its processor
}

// start starts a relay on its core and waits until it relays.
func (s *session) start(ctx context.Context, x *subject, f dhcp.Family, downs []down) (*process, error) {
	dir, err := os.MkdirTemp("", "dhcp-bench-")
	if err != nil {
		return nil, err
	}
	p := &process{subject: x, dir: dir, meter: s.meter}
	up, _ := x.uplink.devs()
	args, err := x.command(&site{
		family: f, downs: downs, next: further(s.bed.more + 1), up: up, server: x.uplink.servers().addr(f), dir: dir,
	})
	if err != nil {
		return nil, errors.Join(err, p.stop())
	}
	line := []string{"--cpu-list", strconv.Itoa(s.cores.relay), x.binary}
	if x.name == "dibbler" {
		line = append(line[:2], "unshare", "--mount", "sh", "-c",
			"mount --bind "+dir+" /etc/dibbler && mount -t tmpfs none /var/lib/dibbler && exec \"$0\" \"$@\"", x.binary)
	}
	line = append(line, args...)
	began := time.Now()
	// Without output: some relays write a line for each message, which is not
	// to be charged to them.
	if p.proc, err = s.bed.relay.StartCmd(exec.Command("taskset", line...)); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	if err := s.meter.watch(p.proc.Pid()); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	if err := s.probe(ctx, p, f, downs[0].dev); err != nil {
		err = fmt.Errorf("%s: %w%s", x.name, err, s.complaint(p, line))
		return nil, errors.Join(err, p.stop())
	}
	p.ready = time.Since(began)
	return p, nil
}

// complaint runs once more what did not work, to hear what it says.
func (s *session) complaint(p *process, line []string) string {
	const patience = time.Second
	p.proc.Stop()
	out := &tail{}
	proc, err := s.bed.relay.Start("taskset", line, out)
	if err != nil {
		return ": " + err.Error()
	}
	select {
	case <-proc.Done():
	case <-time.After(patience):
		proc.Stop()
	}
	return out.String()
}

// probe sends requests on a client link until one is relayed, and keeps that
// one as the sample.
func (s *session) probe(ctx context.Context, p *process, f dhcp.Family, dev string) error {
	giaddr := s.bed.down.v4
	if p.subject.yardstick {
		giaddr = netip.IPv4Unspecified()
	}
	b, from, err := s.firstRelayed(ctx, f, dev, giaddr, startPatience, p.proc.Done())
	if err != nil {
		return err
	}
	p.sample, p.back = b, from
	if f == dhcp.V4 {
		p.back = s.bed.down.v4
	}
	return nil
}

// firstRelayed sends requests on a client link until one is relayed, with the
// right giaddr if it is DHCPv4, and returns it and who has sent it. (A packet
// socket hears all links until it is bound: what dhcrelay hears while it opens
// many, it may relay for the wrong one.)
func (s *session) firstRelayed(ctx context.Context, f dhcp.Family, dev string, giaddr netip.Addr, patience time.Duration, dead <-chan struct{}) ([]byte, netip.Addr, error) {
	gen, err := newGenerator(s.bed.load, s.requests(f), dev)
	if err != nil {
		return nil, netip.Addr{}, err
	}
	defer gen.close()
	rx := s.server[f]
	for rx.recv() > 0 {
		continue
	}
	s.runs++
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if _, err := gen.sendNext(s.runs, 0, 1); err != nil {
			return nil, netip.Addr{}, err
		}
		for next := time.Now().Add(2 * time.Millisecond); time.Now().Before(next); {
			for i := range rx.recv() {
				b := rx.data(i)
				x, ok := relayedID(f, b)
				if ok && x.run() == s.runs&0xf && (f == dhcp.V6 || netip.AddrFrom4([4]byte(b[giaddrAt:])) == giaddr) {
					return slices.Clone(b), rx.from(i, f), nil
				}
			}
			select {
			case <-ctx.Done():
				return nil, netip.Addr{}, ctx.Err()
			case <-dead:
				return nil, netip.Addr{}, errors.New("has ended")
			case <-time.After(100 * time.Microsecond):
			}
		}
	}
	return nil, netip.Addr{}, fmt.Errorf("relayed nothing within %v", patience)
}

func (p *process) stop() error {
	if p.proc != nil {
		p.proc.Stop()
	}
	return os.RemoveAll(p.dir)
}

// cpu returns the time that the relay has run, without what was done in its name
// for those who receive what it sends.
func (p *process) cpu() time.Duration { return cputime.Of(p.proc.Pid()) - p.meter.spent() }

// busy reports whether the relay runs, or would run if it could.
func (p *process) busy() bool { return running(p.proc.Pid()) }

func (p *process) alive() bool {
	select {
	case <-p.proc.Done():
		return false
	default:
		return true
	}
}

// A tail keeps the end of a program's output.
type tail struct {
	mu sync.Mutex
	b  []byte
}

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	const most = 2048
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, b...)
	if over := len(t.b) - most; over > 0 {
		t.b = slices.Delete(t.b, 0, over)
	}
	return len(b), nil
}

// String returns the last lines, to be put behind an error.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.b)), "\n")
	if lines[0] == "" && len(lines) == 1 {
		return ""
	}
	return ": " + strings.Join(lines[max(0, len(lines)-4):], "; ")
}
