package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"dhcp-relay/relay/config"
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

// socketOf returns the socket of the configuration. A file that nobody named may be
// missing, or closed to this user.
func socketOf(file string, named bool) (string, error) {
	socket, given, err := config.Socket(file)
	switch {
	case err != nil && named:
		return "", err
	case !given:
		return defaultSocket, nil
	case socket == "":
		return "", fmt.Errorf("%s gives the daemon no socket (control.socket = \"\"), so it cannot be asked", file)
	}
	return socket, nil
}
