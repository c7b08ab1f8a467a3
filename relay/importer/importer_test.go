package importer_test

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/config"
	"dhcp-relay/relay/importer"
)

var update = flag.Bool("update", false, "write what the importer makes into testdata")

// hosts is the host of the configurations that name an interface by its address.
func hosts(a netip.Addr) string {
	return map[string]string{"192.168.10.1": "vlan10", "192.168.20.1": "vlan20", "2001:db8:10::1": "vlan10"}[a.String()]
}

// options reads the options of the command from a line of the source.
func options(t *testing.T, data []byte) importer.Options {
	t.Helper()
	o := importer.Options{Hosts: hosts}
	for line := range strings.Lines(string(data)) {
		_, args, ok := strings.Cut(line, "import:")
		if !ok {
			continue
		}
		for _, arg := range strings.Fields(strings.NewReplacer("-->", "", `"`, "", ",", "").Replace(args)) {
			if arg == "--compat=isc" {
				o.ISC = true
				continue
			}
			n, err := importer.ParseName(strings.TrimPrefix(arg, "--name="))
			if err != nil {
				t.Fatal(err)
			}
			o.Names = append(o.Names, n)
		}
	}
	return o
}

// TestConfigurations reads configurations as people have them: each is told by its
// content, and becomes one that check accepts without a warning, with what is not
// carried over named.
func TestConfigurations(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*/*")
	if err != nil {
		t.Fatal(err)
	}
	seen, count := map[string]bool{}, 0
	for _, file := range files {
		if strings.HasSuffix(file, ".toml") || strings.HasPrefix(file, "testdata/fuzz/") {
			continue
		}
		count++
		kind := filepath.Base(filepath.Dir(file))
		seen[kind] = true
		t.Run(strings.TrimPrefix(file, "testdata/"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got := importer.Detect(data); got.String() != kind {
				t.Errorf("the content tells %q, want %q", got, kind)
			}
			if !strings.Contains(string(data), "https://") {
				t.Error("it does not say which public text it is written after")
			}
			golden(t, file, data)
		})
	}
	for _, kind := range importer.KindNames() {
		if !seen[kind] {
			t.Errorf("no configuration of %s", kind)
		}
	}
	if count < 40 {
		t.Errorf("%d configurations, want at least 40", count)
	}
}

func golden(t *testing.T, file string, data []byte) {
	t.Helper()
	name := filepath.Base(file)
	res, err := importer.Import([]importer.Source{{Name: name, Data: data}}, options(t, data))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Count(string(data), "\n") + 1
	for _, p := range res.Problems {
		if p.File != name || p.Line < 1 || p.Line > lines || p.Text == "" || p.Hint == "" {
			t.Errorf("%v: it wants a place, a reason and what to do", p)
		}
	}
	got := res.TOML
	if got == "" {
		if len(res.Problems) == 0 {
			t.Error("nothing is carried over, and nothing is said")
		}
		got = "# Nothing is carried over:\n# " + config.Problems(res.Problems).Error() + "\n"
	} else {
		accepted(t, got)
	}
	if *update {
		if err := os.WriteFile(file+".toml", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file + ".toml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("go test -update writes it (-want +got):\n%s", diff)
	}
}

// accepted has the configuration be good, without a warning.
func accepted(t *testing.T, text string) *config.Config {
	t.Helper()
	cfg, err := config.Parse("relay.toml", []byte(text), config.Host{Hostname: "router"})
	if err != nil {
		t.Fatalf("%v\nin\n%s", err, text)
	}
	if len(cfg.Warnings) > 0 {
		t.Fatalf("%v\nin\n%s", config.Problems(cfg.Warnings), text)
	}
	return cfg
}

// FuzzImport has whatever is read as any kind end in a configuration that check
// accepts, or in reasons.
func FuzzImport(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		kind, err := importer.ParseKind(filepath.Base(filepath.Dir(file)))
		if err != nil || strings.HasSuffix(file, ".toml") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(kind), false, data)
		f.Add(uint8(kind), true, data)
	}
	f.Fuzz(func(t *testing.T, kind uint8, isc bool, data []byte) {
		o := importer.Options{From: importer.Kind(kind % 13), ISC: isc, Hosts: func(netip.Addr) string { return "eth7" }}
		res, err := importer.Import([]importer.Source{{Name: "old", Data: data}}, o)
		if err != nil {
			return
		}
		for _, p := range res.Problems {
			if p.Line < 1 || p.Text == "" || p.Hint == "" {
				t.Errorf("%+v: it wants a place, a reason and what to do", p)
			}
		}
		if res.TOML != "" {
			accepted(t, res.TOML)
		}
	})
}

// TestNames: one name, or a pattern, whatever the case; the first that matches.
func TestNames(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, names, old, want string }{
		{"without", "", "Vlan10", "vlan10"},
		{"one", "Vlan10=br10", "Vlan10", "br10"},
		{"pattern", "Vlan*=br*", "Vlan10", "br10"},
		{"the first", "Vlan10=guests Vlan*=br*", "vlan10", "guests"},
		{"two words", "", "Vlan 10", "vlan10"},
		{"a port", "GigabitEthernet0/*=eth*", "GigabitEthernet0/3", "eth3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var o importer.Options
			for _, s := range strings.Fields(tt.names) {
				n, err := importer.ParseName(s)
				if err != nil {
					t.Fatal(err)
				}
				o.Names = append(o.Names, n)
			}
			text := "interface " + tt.old + "\n ip helper-address 10.9.0.2\n"
			res, err := importer.Import([]importer.Source{{Name: "old", Data: []byte(text)}}, o)
			if err != nil {
				t.Fatal(err)
			}
			if want := "name = \"" + tt.want + "\""; !strings.Contains(res.TOML, want) {
				t.Errorf("no %s in\n%s\n%v", want, res.TOML, res.Problems)
			}
		})
	}
	for _, bad := range []string{"", "Vlan10", "=br10", "Vlan10=", "V*n*=br*", "Vlan10=br*"} {
		if n, err := importer.ParseName(bad); err == nil {
			t.Errorf("%q is %v", bad, n)
		}
	}
}

// TestTwoFiles: a relay of DHCPv4 and one of DHCPv6 become one configuration.
func TestTwoFiles(t *testing.T) {
	t.Parallel()
	res, err := importer.Import([]importer.Source{
		{Name: "isc-dhcp-relay", Data: []byte("SERVERS=10.9.0.2\nINTERFACES=vlan10\n")},
		{Name: "isc-dhcp-relay6", Data: []byte("OPTIONS=\"-6 -l vlan10 -u 2001:db8:9::2%eth0\"\n")},
	}, importer.Options{})
	if err != nil || len(res.Problems) > 0 {
		t.Fatal(err, res)
	}
	if want := "name = \"vlan10\"\nservers = [\"10.9.0.2\", \"2001:db8:9::2\"]\n"; !strings.Contains(res.TOML, want) {
		t.Errorf("no %s in\n%s", want, res.TOML)
	}
	accepted(t, res.TOML)
}

// TestUnreadable: what is no configuration, or a broken one, is refused with the
// place.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"not a relay", "hello\n", "old: this is no configuration of a relay that is known here; say with --from what it is: isc-dhcp-relay, "},
		{"quotation mark", "\nSERVERS=\"10.9.0.2\n", "old:2: a quotation mark (\") is not closed"},
		{"brace", "forwarding-options {\n dhcp-relay {\n}\n", "old:2: a \"{\" is not closed"},
		{"XML", "<opnsense>\n<lan>\n</opnsense>", "old:3: XML: "},
		{"JSON", "{\"VLAN\": {\n\"dhcp_servers\" 7}}", "old:2: JSON: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := importer.Import([]importer.Source{{Name: "old", Data: []byte(tt.text)}}, importer.Options{})
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
}
