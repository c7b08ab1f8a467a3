// Package pictures takes the pictures of the README: of the status page of a
// relay that runs in the lab, and of what its commands print.
package pictures

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"dhcp-relay/cmd/lab/scene"
)

// config serves three networks, of which one does not exist. Clients of the
// second are answered by none of its servers.
const config = `[[interface]]
name = "clients-a"
servers = ["10.9.0.2", "10.9.0.3", "2001:db8:9::2"]

[[interface]]
name = "clients-b"
servers = ["10.9.0.77", "2001:db8:9::2"]

[[interface]]
name = "vlan30"
servers = ["10.9.0.2"]
`

// patience is how long a client may ask that nobody answers. The first answer to
// its question is that it has asked three times.
const patience = 12 * time.Second

// Take builds a lab, lets clients ask, and writes PNG files into dir. It returns
// their paths.
func Take(ctx context.Context, o scene.Options, dir string) (files []string, err error) {
	lab, err := scene.Build(ctx, o, scene.Plan{Family: scene.Both, Config: config})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lab.Close()) }()
	if err := ask(ctx, lab); err != nil {
		return nil, err
	}
	url, stop, err := serve(ctx, lab.Relay().Proxy())
	if err != nil {
		return nil, err
	}
	defer stop()
	c, err := openCamera(ctx)
	if err != nil {
		return nil, err
	}
	defer c.close()
	for _, s := range []shot{
		{file: "page.png", width: 1280, height: 1000},
		{file: "page-phone.png", width: 390, height: 844, phone: true, dark: true},
	} {
		if err := c.page(url, s, filepath.Join(dir, s.file)); err != nil {
			return nil, fmt.Errorf("%s: %w", s.file, err)
		}
		files = append(files, filepath.Join(dir, s.file))
	}
	for _, p := range []struct {
		file string
		args []string
	}{
		{"trace.png", []string{"trace", "--last", "4"}},
		{"status.png", []string{"status"}},
	} {
		text, err := output(ctx, o.Relay, lab.Relay().Socket(), p.args)
		if err != nil {
			return nil, err
		}
		if err := c.terminal(p.args, text, filepath.Join(dir, p.file)); err != nil {
			return nil, fmt.Errorf("%s: %w", p.file, err)
		}
		files = append(files, filepath.Join(dir, p.file))
	}
	return files, nil
}

// ask has clients log in, and one ask in vain.
func ask(ctx context.Context, lab *scene.Lab) error {
	for _, name := range []string{"a1", "a2", "a3"} {
		if _, err := lab.Login(ctx, name, false); err != nil {
			return err
		}
	}
	if _, _, err := lab.Login6(ctx, "a1", false); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if p, err := lab.Login(ctx, "b1", false); err == nil {
		return fmt.Errorf("b1 got %s, although its server does not exist", p)
	}
	return nil
}

// serve serves h on a port of this host's own.
func serve(ctx context.Context, h http.Handler) (url string, stop func(), err error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.Serve(ln) }() // it ends with stop
	return "http://" + ln.Addr().String() + "/", func() { _ = s.Close() }, nil
}

// output runs a command of the relay. The exit status of status tells of
// findings, which are what the picture is of.
func output(ctx context.Context, program, socket string, args []string) ([]byte, error) {
	c := exec.CommandContext(ctx, program, append(args, "--socket", socket)...)
	out, err := c.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(out) > 0 {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("%v: %w", c.Args, err)
	}
	return out, nil
}

// write writes a picture where everybody may read it.
func write(path string, png []byte) error { return os.WriteFile(path, png, 0o644) }
