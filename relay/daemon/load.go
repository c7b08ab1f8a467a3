package daemon

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/built"
	"dhcp-relay/relay/config"
	"dhcp-relay/relay/host/check"
	web "dhcp-relay/relay/http"
)

// A Loaded is a configuration with a fingerprint of its files.
type Loaded struct {
	*config.Config
	hash  string
	files []config.File
	unfit error // why what DNS names mean is left out, nil if it is not
}

// Load reads and checks the configuration, without a look at DNS.
func Load(file string) (*Loaded, error) {
	files, err := config.ReadFiles(file)
	if err != nil {
		return nil, err
	}
	return judge(files, noAnswer)
}

// judge checks what the files of a configuration say. lookup is as config.Host has it.
func judge(files []config.File, lookup func(string) (now, former []netip.Addr)) (*Loaded, error) {
	hostname, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("read the host's name: %w", err)
	}
	cfg, err := config.ParseFiles(files, config.Host{Hostname: hostname, Lookup: lookup})
	if err != nil {
		return nil, err
	}
	later, err := checkServed(cfg)
	if err != nil {
		return nil, err
	}
	cfg.Warnings = append(cfg.Warnings, later...)
	serveSmall(cfg)
	return &Loaded{Config: cfg, hash: fingerprint(files), files: files}, nil
}

// serveSmall has a small program serve no metrics, and warns of a configuration that
// asks for them.
func serveSmall(cfg *config.Config) {
	if !built.Small || !cfg.Metrics.On {
		return
	}
	cfg.Metrics.On = false
	for _, key := range []string{"metrics.listen", "metrics.web_config"} {
		if p := cfg.Wrong(key, "this program was built small: it serves neither metrics nor a page", "leave [metrics] out, or use the whole program"); p.Line > 0 {
			cfg.Warnings = append(cfg.Warnings, p)
			return
		}
	}
}

// fingerprint returns the hash by which configurations are told apart. That of a single
// file is the beginning of its SHA-256, as sha256sum has it.
func fingerprint(files []config.File) string {
	h := sha256.New()
	for i, f := range files {
		if i > 0 {
			fmt.Fprintf(h, "\x00%s\x00%d\x00", f.Name, len(f.Data))
		}
		h.Write(f.Data)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// checkServed tells what this host lacks of what the endpoints need: a sound file
// of TLS and basic authentication, and the group of the socket. What may come
// later is a warning.
func checkServed(cfg *config.Config) (warnings []config.Problem, err error) {
	switch err := web.Check(cfg.Metrics.WebConfig); {
	case errors.Is(err, web.ErrUnreadable):
		warnings = append(warnings, cfg.Wrong("metrics.web_config", err.Error(), "make it readable for the daemon; until then nothing is served on metrics.listen"))
	case err != nil:
		return nil, config.Problems{cfg.Wrong("metrics.web_config", err.Error(), "write the file as Prometheus documents its web configuration")}
	case web.Open(cfg.Metrics.WebConfig) && !cfg.Metrics.Listen.Addr().IsLoopback():
		warnings = append(warnings, cfg.Wrong("metrics.web_config", "the file names no user (basic_auth_users), so everybody who reaches "+cfg.Metrics.Listen.String()+" may see what clients ask",
			`name some, or ask for certificates of your own with client_auth_type: "RequireAndVerifyClientCert"`))
	}
	if cfg.Control.Socket != "" {
		if err := web.CheckGroup(cfg.Control.Group); err != nil {
			warnings = append(warnings, cfg.Wrong("control.group", err.Error(), "name a group that is in /etc/group; until there is one the commands do not find the daemon"))
		}
	}
	return warnings, nil
}

// Listeners tells what keeps this host from serving the metrics where they are to be
// served. The relay relays all the same, so that none of it is an error.
func (l *Loaded) Listeners() []config.Problem {
	if !l.Metrics.On {
		return nil
	}
	problem, remedy := check.Listen(l.Metrics.Listen)
	if problem == "" {
		return nil
	}
	return []config.Problem{l.Wrong("metrics.listen", problem+", so the metrics are not served", remedy)}
}

// idle tells of patterns that hold for nothing now, which is ordinary.
func idle(s *agent.Snapshot) (lines []string) {
	for _, i := range s.Idle {
		lines = append(lines, i.Name+": this pattern holds for no interface now")
	}
	return lines
}
