package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"dhcp-relay/relay/config"
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

func TestSocketIsFound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cases := []struct {
		name string
		args []string
		want string // the socket, or the beginning of the error
	}{
		{"given", []string{"--socket", "/a"}, "/a"},
		{"of the file", []string{"-c", file("good", "[control]\nsocket = \"/b\"\n")}, "/b"},
		{"of a file that is wrong elsewhere", []string{"-c", file("wrong", "nonsense = 1\ncontrol.socket = \"/c\"\n")}, "/c"},
		{"of a file without one", []string{"-c", file("empty", "")}, defaultSocket},
		{"of a file that cannot be parsed", []string{"-c", file("broken", "][")}, defaultSocket},
		{"switched off", []string{"-c", file("off", "control.socket = \"\"")}, filepath.Join(dir, "off") + " gives the daemon no socket"},
		{"of a file that is not there", []string{"-c", filepath.Join(dir, "none")}, "read the configuration: open "},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cmd := &cobra.Command{}
			find := addSocketFlag(cmd)
			if err := cmd.ParseFlags(c.args); err != nil {
				t.Fatal(err)
			}
			d, err := find()
			got, _, _ := strings.Cut(strings.TrimPrefix(fmt.Sprint(d), "&{"), " ") // its first field
			if err != nil {
				got = err.Error()
			}
			if got != c.want && (err == nil || !strings.HasPrefix(got, c.want)) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestDefaultSocketIsThatOfTheDaemon(t *testing.T) {
	t.Parallel()
	cfg, err := config.Parse("least", []byte("[[interface]]\nname = \"eth0\"\nservers = [\"10.9.0.2\"]\n"), config.Host{Hostname: "r"})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Control.Socket != defaultSocket {
		t.Errorf("commands ask %s, the daemon listens on %s", defaultSocket, cfg.Control.Socket)
	}
}
