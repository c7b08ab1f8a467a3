package deploytest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v2"

	"dhcp-relay/cmd/lab/netns"
)

// A descriptor points to a blob of an OCI layout.
type descriptor struct {
	MediaType, Digest string
	Platform          *struct{ OS, Architecture string }
}

// blob reads what a descriptor points to.
func (d descriptor) blob(t *testing.T, layout string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(layout, "blobs", strings.ReplaceAll(d.Digest, ":", "/")))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestImage: the image relays with a root that is read-only, and no more capabilities
// than the recipes grant.
func TestImage(t *testing.T) {
	netns.Require(t)
	layout := buildImage(t)
	var top, index struct{ Manifests []descriptor }
	var manifest struct {
		Config descriptor
		Layers []descriptor
	}
	var config struct {
		Config struct {
			Entrypoint, Cmd []string
			Healthcheck     struct{ Test []string }
		}
	}
	b, err := os.ReadFile(filepath.Join(layout, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	decode(t, b, &top)
	decode(t, top.Manifests[0].blob(t, layout), &index)
	own := slices.IndexFunc(index.Manifests, func(d descriptor) bool { return d.Platform.Architecture == runtime.GOARCH })
	if own < 0 || len(index.Manifests) != 2 {
		t.Fatalf("images %+v", index.Manifests)
	}
	decode(t, index.Manifests[own].blob(t, layout), &manifest)
	decode(t, manifest.Config.blob(t, layout), &config)
	root := t.TempDir()
	for _, l := range manifest.Layers {
		unpack(t, l.blob(t, layout), root)
	}
	etc := t.TempDir()
	if err := os.WriteFile(filepath.Join(etc, "relay.toml"), []byte(routerConfig), 0o644); err != nil {
		t.Fatal(err)
	}

	bed := newBed(t)
	confined := func(args ...string) *exec.Cmd {
		const script = `set -e; root=$1; etc=$2; drop=$3; shift 3
mount --bind -o ro "$root" "$root"; mount -o remount,bind,ro "$root"; mount --bind "$etc" "$root/etc/dhcp-relay"
mount -t proc proc "$root/proc"; mount --bind "$etc/run" "$root/run/dhcp-relay"; mount -t tmpfs none "$root/var/lib/dhcp-relay"
exec capsh --no-new-privs --chroot="$root" --drop="$drop" --shell="$1" -- "${@:2}"`
		return exec.Command("unshare", append([]string{"--mount", "--propagation", "private", "bash", "-c", script, "bash", root, etc, others(grants(t))}, args...)...)
	}
	if err := os.Mkdir(filepath.Join(etc, "run"), 0o755); err != nil {
		t.Fatal(err)
	}
	said, _ := bed.run(confined(append(config.Config.Entrypoint, config.Config.Cmd...)...))
	bed.login(said)
	if out, err := confined(config.Config.Healthcheck.Test[1:]...).CombinedOutput(); err != nil || string(out) != "ready\n" {
		t.Errorf("health check: %v, %s", err, out)
	}
}

// grants returns the capabilities that the recipe of compose grants.
func grants(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "container", "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct {
			CapAdd   []string `yaml:"cap_add"`
			CapDrop  []string `yaml:"cap_drop"`
			ReadOnly bool     `yaml:"read_only"`
		}
	}
	if err := yaml.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	s := file.Services["dhcp-relay"]
	if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || len(s.CapAdd) == 0 {
		t.Fatalf("the recipe has %+v", s)
	}
	pod, err := os.ReadFile(filepath.Join("..", "container", "kubernetes.yaml"))
	if want := "drop: [ALL], add: [" + strings.Join(s.CapAdd, ", ") + "]"; err != nil || !strings.Contains(string(pod), want) {
		t.Errorf("the pod lacks %s: %v", want, err)
	}
	return s.CapAdd
}

// others returns all capabilities but some, as capsh wants them.
func others(granted []string) string {
	all := "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service " +
		"net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin " +
		"sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override " +
		"mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore"
	var drop []string
	for _, c := range strings.Fields(all) {
		if !slices.Contains(granted, strings.ToUpper(c)) {
			drop = append(drop, "cap_"+c)
		}
	}
	return strings.Join(drop, ",")
}

// buildImage returns the layout of an image for this machine's architecture and
// another.
func buildImage(t *testing.T) string {
	t.Helper()
	programs, out := t.TempDir(), filepath.Join(t.TempDir(), "image")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", filepath.Join(programs, "dhcp-relay_linux_"+runtime.GOARCH), "./cmd/dhcp-relay")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	other := map[bool]string{true: "arm64", false: "amd64"}[runtime.GOARCH == "amd64"]
	if err := os.WriteFile(filepath.Join(programs, "dhcp-relay_linux_"+other), []byte("another program"), 0o755); err != nil {
		t.Fatal(err)
	}
	image := exec.Command("go", "run", "../image", "-programs", programs, "-out", out, "-version", "v1.2.3")
	if said, err := image.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	return out
}

func decode(t *testing.T, b []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
}

// unpack unpacks a layer below a directory.
func unpack(t *testing.T, layer []byte, root string) {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(layer))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(root, h.Name)
		if h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(path, 0o755)
		} else {
			var b []byte
			if b, err = io.ReadAll(r); err == nil {
				err = os.WriteFile(path, b, h.FileInfo().Mode())
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
