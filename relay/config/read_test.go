package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dhcp-relay/relay/config"
)

// What has no end, or no beginning, ends all the same.
func TestReadEnds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	held, err := os.OpenFile(fifo, os.O_RDWR, 0) // who could write, and does not
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close() //nolint:errcheck // it was only held
	for path, want := range map[string]string{
		"/dev/zero": "more than 16 MiB",
		dir:         "is a directory",
		fifo:        "not ended within",
	} {
		start := time.Now()
		_, err := config.Read(path)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
		if took := time.Since(start); took > time.Minute {
			t.Errorf("%s took %v", path, took)
		}
	}
}

// The output of another program is read as a file is.
func TestReadTakesAPipe(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteString("x = 1\n"); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(10*time.Millisecond, func() { _ = w.Close() })
	data, err := config.Read(fifo)
	if err != nil || string(data) != "x = 1\n" {
		t.Errorf("%q, %v", data, err)
	}
}
