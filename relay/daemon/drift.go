package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"dhcp-relay/relay/config"
	"dhcp-relay/relay/observe/status"
)

// fileEvery is how often to look whether the configuration has changed, which costs a
// system call for each file.
const fileEvery = time.Second

// An onDisk is the configuration file as it was seen last.
type onDisk struct {
	hash string    // of what it says; "" if it cannot be read
	err  error     // why it would be refused
	at   time.Time // when that was seen first
}

// drift compares the file with what is in effect.
func (c *configState) drift() status.FileState {
	switch {
	case c.file.hash == c.hash:
		return status.FileSame
	case c.file.err != nil:
		return status.FileRefused
	}
	return status.FileChanged
}

// A stamp changes whenever a file does, be it written, replaced or led elsewhere.
type stamp struct {
	dev, ino     uint64
	size         int64
	mtime, ctime syscall.Timespec
	mode         fs.FileMode
	err          string
	beside       string // the stamps of what stands in conf.d
}

// stampOf stamps a configuration file with what stands beside it.
func stampOf(file string) stamp {
	s := stampOne(file)
	names, err := config.Beside(file)
	if err != nil {
		s.err = err.Error()
		return s
	}
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "%s %v\n", name, stampOne(name))
	}
	s.beside = b.String()
	return s
}

func stampOne(file string) stamp {
	info, err := os.Stat(file)
	if err != nil {
		return stamp{err: err.Error()}
	}
	s := stamp{size: info.Size(), mode: info.Mode()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.dev, s.ino, s.mtime, s.ctime = uint64(sys.Dev), sys.Ino, sys.Mtim, sys.Ctim //nolint:unconvert // Dev has 32 bits on MIPS
	}
	return s
}

// followFile notes what the configuration file says beside what is in effect, until
// ctx ends. One that is still being written is not looked at before it rests.
func (p *process) followFile(ctx context.Context) {
	tick := time.NewTicker(fileEvery)
	defer tick.Stop()
	var judged stamp
	last := stampOf(p.file)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := stampOf(p.file)
		// A pipe, as a shell makes for <(...), can be read once only.
		once := now.err == "" && !now.mode.IsRegular() && !now.mode.IsDir()
		if now == last && now != judged && !once {
			judged = now
			p.noteFile(look(p.file, now))
		}
		last = now
	}
}

// look reads the file if that cannot hang.
func look(file string, s stamp) onDisk {
	switch {
	case s.err != "":
		return onDisk{err: errors.New(s.err)}
	case s.mode.IsDir():
		return onDisk{err: errors.New(file + " is a directory")}
	}
	files, err := config.ReadFiles(file)
	if err != nil {
		return onDisk{err: err}
	}
	_, err = judge(files, noAnswer)
	return onDisk{hash: fingerprint(files), err: err}
}

// noteFile keeps what the file says, and logs when it begins or ceases to differ
// from what is in effect.
func (p *process) noteFile(f onDisk) {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.config.drift()
	f.at = time.Now()
	if p.config.file.hash == f.hash && was != status.FileSame {
		f.at = p.config.file.at
	}
	p.config.file = f
	now := p.config.drift()
	if now == was {
		return
	}
	switch now {
	case status.FileSame:
		p.log.Info("configuration file is again what is in effect", "config", p.file)
	case status.FileChanged:
		p.log.Info("configuration file was changed and is not in effect", "config", p.file)
	case status.FileRefused:
		p.log.Warn("configuration file was changed and would be refused", "config", p.file, "err", f.err)
	}
}
