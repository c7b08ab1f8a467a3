package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

const (
	// maxFile is the most that a configuration may have, in octets: some 100,000
	// interfaces.
	maxFile = 16 << 20
	// readWithin is how long a pipe may take to say what the configuration is.
	readWithin = 5 * time.Second
)

// Read returns what a configuration file says. What has no end, or never begins, such
// as a device or a pipe into which nobody writes, is an error.
func Read(path string) ([]byte, error) {
	data, err := read(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return data, nil
}

func read(path string) ([]byte, error) {
	// Without O_NONBLOCK the open of a pipe waits for who writes.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()                                   //nolint:errcheck // nothing was written
	_ = f.SetReadDeadline(time.Now().Add(readWithin)) // plain files need none, and have none
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, fmt.Errorf("%s: it has not ended within %v; name a file", path, readWithin)
	case err != nil:
		return nil, err
	case len(data) > maxFile:
		return nil, fmt.Errorf("%s: it has more than %d MiB; name the file of the configuration", path, maxFile>>20)
	}
	return data, nil
}
