package duid

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxFile is more than the text of a DUID ever takes, in octets.
const maxFile = 4096

// Load returns the DUID in the file at path, one line as Parse reads it. If the
// file is not there, Load makes it with a New one, so that the relay agent has
// the same DUID ever after (RFC 5460, section 5.4.1; RFC 6925, section 5). It is
// there whole or not at all, also after a power failure, and processes that
// load it at the same time get the same one.
//
// A file that cannot be read or that holds anything else is an error and stays
// as it is: another DUID would cut the bindings off that servers have noted
// under the old one. The directory must exist.
func Load(path string) (DUID, error) {
	d, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		d, err = create(path)
	}
	if err != nil {
		return nil, fmt.Errorf("relay identifier: %w", err)
	}
	return d, nil
}

func read(path string) (DUID, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, err
	}
	d, err := Parse(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w; correct it, or remove it to have a new one made", path, err)
	}
	return d, nil
}

// create makes the file at path, unless another process has by now.
func create(path string) (DUID, error) {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer dir.Close() //nolint:errcheck // it only releases the lock
	if err := lock(dir); err != nil {
		return nil, err
	}
	if d, err := read(path); !errors.Is(err, fs.ErrNotExist) {
		return d, err
	}
	d := New()
	if err := write(path, d.String()+"\n"); err != nil {
		return nil, err
	}
	// Without this, the name may be gone after a power failure. File systems
	// that cannot do it say EINVAL; they have promised no more before.
	if err := dir.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return nil, err
	}
	return d, nil
}

// lock waits for the lock on a directory, which its Close releases.
func lock(dir *os.File) error {
	for {
		err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("lock %s: %w", dir.Name(), err)
		}
		return nil
	}
}

// write puts text into a file beside path, which takes its name when it is
// whole and on disk.
func write(path, text string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = errors.Join(fill(f, text), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// fill writes text to disk. Everyone may read it: the DUID is in every message
// to the servers anyway.
func fill(f *os.File, text string) error {
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	return f.Sync()
}
