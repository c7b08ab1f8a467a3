package http

import (
	"bufio"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// serveSocket serves h on a Unix socket of its own.
func serveSocket(t *testing.T, h http.Handler) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "c.sock")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln)
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
	return socket
}

func TestClientAsks(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/things", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(`["a","` + r.URL.Query().Get("q") + `"]`))
	})
	mux.HandleFunc("GET /api/v1/refused", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "the recorder is off", http.StatusConflict)
	})
	mux.HandleFunc("GET /api/v1/broken", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("no JSON"))
	})
	c := NewClient(serveSocket(t, mux))
	var got []string
	if err := c.Get(t.Context(), "/api/v1/things?q=b", &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for path, want := range map[string]string{
		"/api/v1/refused": "the daemon refuses: the recorder is off",
		"/api/v1/none":    "the daemon refuses: 404 page not found",
		"/api/v1/broken":  "read the daemon's answer: invalid character",
	} {
		if err := c.Get(t.Context(), path, &got); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
}

func TestClientExplains(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	dead := filepath.Join(dir, "dead")
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: dead, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	_ = ln.Close()
	for socket, want := range map[string]string{
		filepath.Join(dir, "none"): "the daemon is not running, or it listens elsewhere: there is no socket ",
		dead:                       "the daemon is not running: nobody listens on ",
	} {
		err := NewClient(socket).Get(t.Context(), "/", nil)
		if err == nil || !strings.HasPrefix(err.Error(), want+socket) {
			t.Errorf("got %v, want %s%s", err, want, socket)
		}
	}
}

// A trace that is interrupted may break off within an event.
func TestClientReadsWholeLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		stream string
		want   []string
	}{
		{"", nil},
		{"{}\n", []string{"{}"}},
		{"{\"a\":1}\n{\"b\":2}\n", []string{"{\"a\":1}", "{\"b\":2}"}},
		{"{\"a\":1}\n{\"b", []string{"{\"a\":1}"}},
		{"{\"a", nil},
	} {
		lines := bufio.NewScanner(strings.NewReader(c.stream))
		lines.Split(wholeLines)
		var got []string
		for lines.Scan() {
			got = append(got, lines.Text())
		}
		if diff := cmp.Diff(c.want, got); diff != "" || lines.Err() != nil {
			t.Errorf("%q: %v (-want +got):\n%s", c.stream, lines.Err(), diff)
		}
	}
}
