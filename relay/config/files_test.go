package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// write makes a configuration of several files, and returns the path of the first.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "relay.toml")
}

func TestConfD(t *testing.T) {
	t.Parallel()
	path := write(t, map[string]string{
		"relay.toml":               "[defaults]\nservers = [\"10.9.0.2\"]\n[[interface]]\nname = \"vlan10\"\n",
		"conf.d/20-voice.toml":     "[[interface]]\nname = \"vlan20\"\nservers = [\"10.9.0.3\"]\n[[interface]]\nname = \"vlan21\"\n[[server]]\naddress = \"10.9.0.3\"\nvss = false\n",
		"conf.d/30-json.json":      `{"interface": [{"name": "vlan30", "dhcpv4": {"hop_limit": 7}}]}`,
		"conf.d/40-log.toml":       "log.level = \"debug\"\n",
		"conf.d/.hidden.toml":      "x = 1",
		"conf.d/50-old.toml.bak":   "x = 1",
		"conf.d/60-sub/other.toml": "x = 1",
	})
	c, err := Load(path, testHost())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, i := range c.Policy.Interfaces {
		names = append(names, i.Name)
	}
	if diff := cmp.Diff([]string{"vlan10", "vlan20", "vlan21", "vlan30"}, names); diff != "" {
		t.Errorf("interfaces (-want +got):\n%s", diff)
	}
	beside := filepath.Join(filepath.Dir(path), "conf.d")
	for _, tt := range []struct {
		got, want Setting
	}{
		{c.Setting(1, "servers"), Setting{"servers", `["10.9.0.3"]`, filepath.Join(beside, "20-voice.toml"), 3}},
		{c.Setting(2, "servers"), Setting{"servers", `["10.9.0.2"]`, path, 2}},
		{c.Setting(3, "dhcpv4.hop_limit"), Setting{"dhcpv4.hop_limit", "7", filepath.Join(beside, "30-json.json"), 1}},
		{c.ServerSetting(1, "vss"), Setting{"vss", "false", filepath.Join(beside, "20-voice.toml"), 8}},
	} {
		if tt.got != tt.want {
			t.Errorf("got %+v, want %+v", tt.got, tt.want)
		}
	}
	if c.Log.Level.String() != "DEBUG" {
		t.Errorf("log level %v", c.Log.Level)
	}
	if p := c.At(2, "name", "x", ""); p.File != filepath.Join(beside, "20-voice.toml") || p.Line != 5 || p.Key != "interface[1].name" {
		t.Errorf("problem at %+v", p)
	}
}

func TestConfDProblems(t *testing.T) {
	t.Parallel()
	path := write(t, map[string]string{
		"relay.toml":     "[metrics]\nlisten = \":9867\"\n[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n",
		"conf.d/a.toml":  "[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n[[interface]]\nname = \"vlan20\"\nservers = [\"10.9.0\"]\n[metrics]\nlisten = \"\"\n",
		"conf.d/b.toml":  "[[interface]]\nname = vlan30\nhop_limit = 3\n",
		"conf.d/c.json":  `{"interface": [{"name": "vlan40"}], "log": {"level": "loud"}}`,
		"conf.d/zz.json": `[]`,
	})
	_, err := Load(path, testHost())
	var ps Problems
	if !errors.As(err, &ps) {
		t.Fatalf("want Problems, got %v", err)
	}
	got := strings.ReplaceAll(ps.Error(), filepath.Dir(path)+"/", "")
	want := `conf.d/a.toml:2:1: interface[0].name: "vlan10" is already relay.toml:3; make one of both
conf.d/a.toml:6:12: interface[1].servers[0]: "10.9.0" is no address; write ` + wantServer + `
conf.d/a.toml:7:1: metrics: metrics is already in relay.toml:1; write it in one of both
conf.d/b.toml:2:1: this needs quotes; write name = "vlan30"
conf.d/c.json:1:54: log.level: there is no "loud"; write "debug", "info", "warn" or "error"
conf.d/zz.json:1:1: this is a list; write an object, such as {"interface": [{"name": "vlan10", "servers": ["10.9.0.2"]}]}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSocket(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, main, beside string
		want               string
		given              bool
	}{
		{"in the file, beside much that is wrong", "x = yes\n[control]\nsocket = \"/a\"\n", "", "/a", true},
		{"beside it", "x = 1", "control.socket = \"/b\"", "/b", true},
		{"JSON", `{"control": {"socket": ""}}`, "", "", true},
		{"nowhere", "", "", "", false},
	} {
		path := write(t, map[string]string{"relay.toml": tt.main, "conf.d/a.toml": tt.beside})
		if got, given, err := Socket(path); got != tt.want || given != tt.given || err != nil {
			t.Errorf("%s: %q, %v, %v", tt.name, got, given, err)
		}
	}
}

// JSON means what the same in TOML means.
func TestJSONIsTheSame(t *testing.T) {
	t.Parallel()
	inTOML := `hostname = "r"
reply_sources = ["10.9.1.7"]
[defaults.dhcpv4.option82]
vendor = [{ enterprise = 9, data = "x" }]
[[server]]
address = "10.9.0.2"
vss = false
[[interface]]
name = "vlan10"
servers = ["10.9.0.2", "2001:db8:9::2"]
dhcpv4.hop_limit = 7
`
	inJSON := `{
  "$schema": "relay.schema.json",
  "hostname": "r", "reply_sources": ["10.9.1.7"],
  "defaults": {"dhcpv4": {"option82": {"vendor": [{"enterprise": 9, "data": "x"}]}}},
  "server": [{"address": "10.9.0.2", "vss": false}],
  "interface": [{"name": "vlan10", "servers": ["10.9.0.2", "2001:db8:9::2"], "dhcpv4": {"hop_limit": 7}}]
}`
	want, err := Parse("f", []byte(inTOML), testHost())
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse("f", []byte(inJSON), testHost())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, compare()); diff != "" {
		t.Errorf("(-TOML +JSON):\n%s", diff)
	}
}
