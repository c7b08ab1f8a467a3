package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/BurntSushi/toml"
	"github.com/spf13/cobra"

	web "dhcp-relay/relay/http"
)

// addSocketFlag adds the flags that say where the daemon listens, and returns
// what finds it: at the socket of --socket, else of the configuration file, else
// the default one.
func addSocketFlag(c *cobra.Command) func() (*web.Client, error) {
	socket := c.Flags().StringP("socket", "s", "", "Unix socket of the daemon (default: control.socket of the configuration file)")
	file := addConfigFlag(c)
	return func() (*web.Client, error) {
		if *socket != "" {
			return web.NewClient(*socket), nil
		}
		at, err := socketOf(*file, c.Flags().Changed("config"))
		return web.NewClient(at), err
	}
}

// defaultSocket is where the daemon listens unless its configuration says
// otherwise.
const defaultSocket = "/run/dhcp-relay/control.sock"

// socketOf reads nothing but the socket from the configuration file: the daemon
// can be asked above all while the rest of the file is wrong. A file that nobody
// named may be missing, or closed to this user.
func socketOf(file string, named bool) (string, error) {
	var f struct {
		Control struct{ Socket *string }
	}
	_, err := toml.DecodeFile(file, &f)
	var unreadable *fs.PathError
	switch {
	case errors.As(err, &unreadable) && named:
		return "", fmt.Errorf("read the configuration: %w", err)
	case err != nil || f.Control.Socket == nil:
		return defaultSocket, nil
	case *f.Control.Socket == "":
		return "", fmt.Errorf("%s gives the daemon no socket (control.socket = \"\"), so it cannot be asked", file)
	}
	return *f.Control.Socket, nil
}
