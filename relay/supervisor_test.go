package relay_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A supervisor runs the daemon as systemd does, as far as descriptors go: it keeps
// what it is told to by FDSTORE=1 on NOTIFY_SOCKET, and hands it to the next process
// as LISTEN_FDS.
type supervisor struct {
	*daemon

	b       *bed
	socket  *net.UnixConn
	path    string
	program string
	ready   chan struct{}
	heard   sync.WaitGroup

	mu   sync.Mutex
	kept []*os.File // by FDNAME
}

// supervise starts the daemon under a supervisor and waits until it relays.
func (b *bed) supervise(config string) *supervisor {
	b.t.Helper()
	dir := b.t.TempDir()
	s := &supervisor{b: b, path: filepath.Join(dir, "notify"), program: filepath.Join(dir, "dhcp-relay"), ready: make(chan struct{}, 1)}
	s.replaceProgram(daemonPath)
	var err error
	s.socket, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.path, Net: "unixgram"})
	if err != nil {
		b.t.Fatal(err)
	}
	s.heard.Go(s.listen)
	b.t.Cleanup(func() {
		_ = s.socket.Close()
		s.heard.Wait()
		for _, f := range s.kept {
			_ = f.Close()
		}
	})
	s.daemon = &daemon{t: b.t, log: &journal{}, config: filepath.Join(dir, "relay.toml"), space: b.relay}
	s.http = &http.Client{Timeout: patient, Transport: &http.Transport{DialContext: s.dial, DisableKeepAlives: true}}
	s.write(config)
	s.run()
	b.t.Cleanup(func() {
		if strings.Contains(s.log.String(), "DATA RACE") || b.t.Failed() {
			b.t.Errorf("log of the daemon:\n%s", s.log)
		}
	})
	return s
}

// replaceProgram installs a program file as a package manager does.
func (s *supervisor) replaceProgram(with string) {
	s.b.t.Helper()
	b, err := os.ReadFile(with)
	if err := errors.Join(err, os.WriteFile(s.program+".new", b, 0o755), os.Rename(s.program+".new", s.program)); err != nil {
		s.b.t.Fatal(err)
	}
}

// run starts a process with all that is kept, and waits until it is ready.
func (s *supervisor) run() {
	s.t.Helper()
	s.cmd = exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, s.program, "run", "--config", s.config)
	s.cmd.Stderr = s.log
	var names []string
	s.mu.Lock() // until it has them
	for _, f := range s.kept {
		s.cmd.ExtraFiles, names = append(s.cmd.ExtraFiles, f), append(names, f.Name())
	}
	s.cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0 exitcode=66", "NOTIFY_SOCKET="+s.path)
	if len(names) > 0 {
		s.cmd.Env = append(s.cmd.Env, fmt.Sprintf("LISTEN_FDS=%d", len(names)), "LISTEN_FDNAMES="+strings.Join(names, ":"))
	}
	select {
	case <-s.ready: // of the process before, after a reload
	default:
	}
	s.b.relay.start(s.cmd)
	s.mu.Unlock()
	s.awaitReady()
}

func (s *supervisor) awaitReady() {
	s.t.Helper()
	s.await("the daemon is ready", func() bool {
		select {
		case <-s.ready:
			return true
		default:
			return false
		}
	})
}

// restart ends the process by a signal and starts another one. The end must be in
// order if that was asked for.
func (s *supervisor) restart(by syscall.Signal) {
	s.t.Helper()
	s.signal(by)
	if err := s.cmd.Wait(); (err != nil) != (by == syscall.SIGKILL) {
		s.t.Fatalf("end by %v: %v", by, err)
	}
	s.run()
}

// listen hears what the daemon tells until the socket is closed.
func (s *supervisor) listen() {
	b, oob := make([]byte, 4096), make([]byte, 4096)
	for {
		n, oobn, _, _, err := s.socket.ReadMsgUnix(b, oob)
		if err != nil {
			return
		}
		fields := make(map[string]string)
		for line := range strings.Lines(string(b[:n])) {
			k, v, _ := strings.Cut(strings.TrimSpace(line), "=")
			fields[k] = v
		}
		fds := rightsIn(oob[:oobn], fields["FDNAME"])
		switch {
		case fields["FDSTORE"] == "1":
			s.keep(fds)
			continue
		case fields["FDSTOREREMOVE"] == "1":
			s.drop(fields["FDNAME"])
		case fields["READY"] == "1":
			select {
			case s.ready <- struct{}{}:
			default: // nobody waits for it, as after a reload
			}
		}
		for _, f := range fds {
			_ = f.Close() // as of BARRIER=1
		}
	}
}

// rightsIn returns the descriptors that came with a message.
func rightsIn(oob []byte, name string) (fs []*os.File) {
	msgs, _ := unix.ParseSocketControlMessage(oob)
	for _, m := range msgs {
		fds, _ := unix.ParseUnixRights(&m)
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			fs = append(fs, os.NewFile(uintptr(fd), name))
		}
	}
	return fs
}

// keep keeps descriptors, but for those that it has.
func (s *supervisor) keep(fs []*os.File) {
	s.mu.Lock()
	defer s.mu.Unlock()
next:
	for _, f := range fs {
		info, err := f.Stat()
		for _, o := range s.kept {
			if has, oerr := o.Stat(); err == nil && oerr == nil && os.SameFile(info, has) && o.Name() == f.Name() {
				_ = f.Close()
				continue next
			}
		}
		s.kept = append(s.kept, f)
	}
}

// drop closes what is kept under a name.
func (s *supervisor) drop(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rest := s.kept[:0]
	for _, f := range s.kept {
		if f.Name() == name {
			_ = f.Close()
			continue
		}
		rest = append(rest, f)
	}
	s.kept = rest
}

// names lists what is kept.
func (s *supervisor) names() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.kept {
		all = append(all, f.Name())
	}
	return all
}

// put keeps something of the test's under a name, in place of what is there.
func (s *supervisor) put(name string, f *os.File) {
	s.t.Helper()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		s.t.Fatal(err)
	}
	s.drop(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, os.NewFile(uintptr(fd), name))
}
