package http

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"dhcp-relay/relay/observe/capture"
)

// Record returns the handler of GET /record: all that the recorder holds, as a
// capture file. It shows raw octets, so it belongs on the Unix socket only. With
// "redact=1" in the query it is blanked even if the setting does not ask for it.
func (v *Recording) Record() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		redact, err := strconv.ParseBool(r.URL.Query().Get("redact"))
		switch {
		case err != nil && r.URL.Query().Has("redact"):
			http.Error(w, "redact: want 0 or 1", http.StatusBadRequest)
			return
		case v.source.Recorder() == nil:
			http.Error(w, ErrRecorderOff.Error(), http.StatusServiceUnavailable)
			return
		}
		// The reader of a large capture may take longer than the server's own limit.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute))
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Disposition", `attachment; filename="dhcp-relay.pcapng"`)
		if v.capture(w, redact) != nil {
			panic(http.ErrAbortHandler) // the client must not take a part for the whole
		}
	})
}

// capture writes what the recorder holds.
func (v *Recording) capture(w io.Writer, redact bool) error {
	log := v.source.Recorder()
	if log == nil {
		return ErrRecorderOff
	}
	ms, _ := log.Reader().Read()
	return capture.Write(w, ms, capture.Options{
		Names: v.source.LinkName, Paths: v.source.Paths(), Redact: redact || v.redact.Load(), Application: v.name,
	})
}

// WriteFile writes what the recorder holds into a new file in a directory, which
// only its owner may read, and returns the file's path. Its name is that of the
// time, such as dhcp-relay-20260304T100000.123456Z.pcapng. The last 20 are kept.
func (v *Recording) WriteFile(dir string) (string, error) {
	path := filepath.Join(dir, "dhcp-relay-"+time.Now().UTC().Format("20060102T150405.000000Z")+".pcapng")
	err := CreateFile(path, false, func(w io.Writer) error { return v.capture(w, false) })
	return path, errors.Join(err, removeOldest(filepath.Join(dir, "dhcp-relay-*.pcapng")))
}

// maxFiles is how many captures of signals are kept.
const maxFiles = 20

// removeOldest removes of the files that match a pattern, whose names are in the order
// of their times, all but the last.
func removeOldest(pattern string) error {
	files, err := filepath.Glob(pattern) // sorted
	for _, f := range files[:max(0, len(files)-maxFiles)] {
		err = errors.Join(err, os.Remove(f))
	}
	return err
}

// CreateFile writes a file that only its owner may read. It appears under its path
// when it is whole. Without force, a file that is there already stays, and the
// error is fs.ErrExist.
func CreateFile(path string, force bool, write func(io.Writer) error) (err error) {
	if info, err := os.Lstat(path); err == nil {
		switch {
		case !force:
			return fmt.Errorf("%s: %w", path, fs.ErrExist)
		case !info.Mode().IsRegular():
			return fmt.Errorf("%s is no file to be replaced", path)
		}
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("create %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if force {
		return os.Rename(f.Name(), path)
	}
	// Unlike a rename, a link does not replace what appeared in the meantime.
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	return os.Remove(f.Name())
}
