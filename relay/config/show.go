package config

import (
	"io/fs"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
)

// Metrics says where the HTTP endpoint is.
type Metrics struct {
	On        bool
	Listen    netip.AddrPort // valid if On
	WebConfig string         // file of TLS and basic authentication; "": neither
	Clients   bool           // what identifies clients is shown there
}

// Control says where the commands of the operator find the daemon.
type Control struct {
	Socket string      // absolute path of a Unix socket; "": there is none
	Mode   fs.FileMode // permissions of the socket
	Group  string      // owner group by name; "": that of the daemon
}

// Recorder says what the flight recorder keeps.
type Recorder struct {
	Messages int  // of each socket; 0: none
	Redact   bool // no identifiers of clients in what it writes
}

// log says how the log is written.
type log struct {
	Level  slog.Level
	Format string // "text" or "json"
}

// maxSocketPath is the most octets of a Unix socket's path (unix(7)).
const maxSocketPath = 107

func metricsKeys() []key[Metrics] {
	return []key[Metrics]{
		{
			"listen", `"127.0.0.1:9867"`, `an address and a port, such as "127.0.0.1:9867" or ":9867" for every address, or "" for none`,
			"The address and TCP port of the HTTP endpoint. A change takes effect at the next start.",
			readListen,
		},
		{
			"web_config", `""`, `the path of a file, or "" for plain HTTP`,
			"TLS and basic authentication, in the file format that Prometheus exporters share. Another file takes effect at the next start, what is in it at once.",
			func(r *reader, v value, to *Metrics) { to.WebConfig, _ = r.path(v) },
		},
		{
			"clients", "false", "true or false",
			"Whether the page and the API show there what identifies clients, and not pseudonyms: every user of this host reaches a loopback address, and whoever reaches the address unless web_config asks for a password. The commands, which use the socket, show it to whom the socket lets in.",
			flag(func(c *Metrics) *bool { return &c.Clients }),
		},
	}
}

func controlKeys() []key[Control] {
	return []key[Control]{
		{
			"socket", `"/run/dhcp-relay/control.sock"`, `the absolute path of a Unix socket, or "" for none`,
			"The socket of the commands. A change of it, of its mode or group takes effect at the next start.",
			func(r *reader, v value, to *Control) {
				s, ok := r.path(v)
				if ok && len(s) > maxSocketPath {
					r.fail(v, "", "this path has %d octets, and a socket's has at most %d", len(s), maxSocketPath)
					return
				}
				to.Socket = s
			},
		},
		{
			"mode", `"0660"`, `permissions as an octal number, such as "0660"`,
			"Who may use the socket, as chmod has it.",
			func(r *reader, v value, to *Control) {
				s, ok := r.text(v)
				if !ok {
					return
				}
				n, err := strconv.ParseUint(s, 8, 16)
				if err != nil || n > 0o777 {
					r.fail(v, "", "%q is no octal number up to 0777", s)
					return
				}
				to.Mode = fs.FileMode(n)
				if n&0o007 != 0 {
					r.warn(v.path, "every user of this host may see what clients ask, and give the daemon orders", `write mode = "0660", and the group whose members may as group`)
				}
			},
		},
		{
			"group", `""`, `the name of a group, or "" for the daemon's own`,
			"The group that owns the socket.",
			func(r *reader, v value, to *Control) { to.Group, _ = r.text(v) },
		},
	}
}

func recorderKeys() []key[Recorder] {
	return []key[Recorder]{
		{
			"messages", "1000", "a number from 0 to 100000",
			"How many messages to keep for each socket, some 0.4 KiB each; 0 also ends the ladders of trace and of the status page. A change takes effect at the next start.",
			number(0, 100000, func(c *Recorder) *int { return &c.Messages }),
		},
		{
			"redact", "false", "true or false",
			"Blank the identifiers of clients in what record writes, trace shows and the log tells at level debug.",
			flag(func(c *Recorder) *bool { return &c.Redact }),
		},
	}
}

func logKeys() []key[log] {
	return []key[log]{
		{
			"level", `"info"`, `"debug", "info", "warn" or "error"`,
			"The least severe events to log. \"debug\" also logs a line of each message, with what identifies the client unless recorder.redact is set; it costs relaying nothing, and says how many it left out.",
			func(r *reader, v value, to *log) {
				levels := []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}
				if i, ok := r.choice(v, "debug", "info", "warn", "error"); ok {
					to.Level = levels[i]
				}
			},
		},
		{
			"format", `"text"`, `"text" or "json"`,
			"The form of a line: key=value, or a JSON object. A change takes effect at the next start.",
			func(r *reader, v value, to *log) {
				formats := []string{"text", "json"}
				if i, ok := r.choice(v, formats...); ok {
					to.Format = formats[i]
				}
			},
		},
	}
}

// path reads an absolute path; "" is for none.
func (r *reader) path(v value) (string, bool) {
	s, ok := r.text(v)
	if ok && s != "" && !filepath.IsAbs(s) {
		r.fail(v, "", "%q is no absolute path", s)
		return "", false
	}
	return s, ok
}

func readListen(r *reader, v value, to *Metrics) {
	s, ok := r.text(v)
	if !ok {
		return
	}
	if s == "" {
		to.On, to.Listen = false, netip.AddrPort{}
		return
	}
	full := s
	if strings.HasPrefix(s, ":") {
		full = "[::]" + s
	}
	a, err := netip.ParseAddrPort(full)
	if err != nil || a.Port() == 0 {
		r.fail(v, "", "%q is no address with a port", s)
		return
	}
	to.On, to.Listen = true, a
}
