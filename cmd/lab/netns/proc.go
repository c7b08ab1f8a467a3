package netns

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"syscall"
	"time"
)

// grace is how long a program may take to end after SIGTERM.
const grace = 2 * time.Second

// A Proc is a program that runs in a namespace, in a process group of its own.
// It is killed when the namespace is closed, or when this process dies.
type Proc struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // set before done is closed
}

// Start starts a program in the namespace; its output, both kinds, goes to out.
// The program sees the file systems of this process: /sys shows the links of
// the namespace that this process was started in (`ip netns exec` differs).
func (n *NS) Start(name string, args []string, out io.Writer) (*Proc, error) {
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = out, out
	return n.StartCmd(cmd)
}

// StartCmd is Start for a command that needs an environment or a directory of
// its own. cmd.SysProcAttr is replaced.
func (n *NS) StartCmd(cmd *exec.Cmd) (*Proc, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	// Output pipes that a stray grandchild holds open must not block Wait.
	cmd.WaitDelay = grace
	p := &Proc{cmd: cmd, done: make(chan struct{})}

	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil, fmt.Errorf("start %s in %s: namespace is closed", cmd.Path, n.Name)
	}
	started := make(chan error, 2)
	go func() {
		// A child takes the namespace of the thread that forks it, and dies with that
		// thread: it is nobody else's until the child ends.
		if err := n.Do(func() error { return n.follow(p, started) }); err != nil {
			started <- err
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s in %s: %w", cmd.Path, n.Name, err)
	}
	n.procs[p] = struct{}{}
	return p, nil
}

// Run runs a program in the namespace to its end and returns its output, both
// kinds. When ctx is done it is stopped, and the error says so.
func (n *NS) Run(ctx context.Context, name string, args ...string) ([]byte, error) {
	var out bytes.Buffer
	p, err := n.Start(name, args, &out)
	if err != nil {
		return nil, err
	}
	select {
	case <-p.Done():
		err = p.Wait()
	case <-ctx.Done():
		p.Stop()
		err = ctx.Err()
	}
	if err != nil {
		return out.Bytes(), fmt.Errorf("%s in %s: %w: %s", name, n.Name, err, bytes.TrimSpace(out.Bytes()))
	}
	return out.Bytes(), nil
}

// Pid returns the process identifier.
func (p *Proc) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the program has ended and its output is complete.
func (p *Proc) Done() <-chan struct{} { return p.done }

// Wait waits for the program's end and returns what exec.Cmd.Wait returned. It
// may be called any number of times.
func (p *Proc) Wait() error {
	<-p.done
	return p.err
}

// follow starts a program and waits for its end.
func (n *NS) follow(p *Proc, started chan<- error) error {
	if err := p.cmd.Start(); err != nil {
		return err
	}
	started <- nil
	p.err = p.cmd.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.procs, p)
	close(p.done)
	return nil
}

// Signal sends a signal to the program, not to its children. The error wraps
// os.ErrProcessDone if it has ended.
func (p *Proc) Signal(s syscall.Signal) error { return p.cmd.Process.Signal(s) }

// Stop ends the program and its process group: SIGTERM first, SIGKILL for what
// is left of the group when the program has ended or two seconds are over.
func (p *Proc) Stop() {
	select {
	case <-p.done: // the group's number may belong to someone else by now
		return
	default:
	}
	pid := p.Pid()
	p.group(pid, syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(grace):
		p.group(pid, syscall.SIGKILL)
		<-p.done
	}
}

// group signals the process group. A group that is gone needs no signal.
func (p *Proc) group(pid int, s syscall.Signal) { _ = syscall.Kill(-pid, s) }
