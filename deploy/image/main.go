// The command image writes the container image of dhcp-relay: an OCI layout of one
// image for each architecture, with nothing in them but the program.
package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// program is where the program is in an image.
const program = "/usr/sbin/dhcp-relay"

// platforms returns what images are made for, by the name in the program's file.
func platforms() map[string]v1.Platform {
	return map[string]v1.Platform{
		"amd64":   {OS: "linux", Architecture: "amd64"},
		"arm64":   {OS: "linux", Architecture: "arm64"},
		"armhf":   {OS: "linux", Architecture: "arm", Variant: "v7"},
		"riscv64": {OS: "linux", Architecture: "riscv64"},
	}
}

// options say what images are made of.
type options struct {
	programs string // directory of dhcp-relay_linux_ARCH
	out      string // directory of the layout; it must not exist
	version  string
	epoch    int64 // of all files, in seconds since 1970
}

func main() {
	var o options
	flag.StringVar(&o.programs, "programs", "bin/packages", "directory of the programs dhcp-relay_linux_ARCH")
	flag.StringVar(&o.out, "out", "bin/image", "directory that the OCI layout is written to")
	flag.StringVar(&o.version, "version", "", "version, for the labels")
	flag.Int64Var(&o.epoch, "epoch", 0, "time of all files, in seconds since 1970")
	flag.Parse()
	if err := build(o); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

// build writes the layout.
func build(o options) error {
	index, n := mutate.IndexMediaType(empty.Index, types.OCIImageIndex), 0
	for _, arch := range []string{"amd64", "arm64", "armhf", "riscv64"} {
		bin, err := os.ReadFile(filepath.Join(o.programs, "dhcp-relay_linux_"+arch))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		platform := platforms()[arch]
		image, err := imageOf(bin, platform, o)
		if err != nil {
			return fmt.Errorf("image for %s: %w", arch, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &platform}})
		n++
	}
	if n == 0 {
		return fmt.Errorf("%s has no program dhcp-relay_linux_ARCH", o.programs)
	}
	// One entry, an index of its own: so engines take the layout for one image.
	top := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), mutate.IndexAddendum{
		Add:        index,
		Descriptor: v1.Descriptor{Annotations: map[string]string{"org.opencontainers.image.ref.name": "dhcp-relay:" + o.version}},
	})
	if _, err := layout.Write(o.out, top); err != nil {
		return fmt.Errorf("write %s: %w", o.out, err)
	}
	return nil
}

// imageOf returns the image of one program.
func imageOf(bin []byte, platform v1.Platform, o options) (v1.Image, error) {
	files, err := archive(bin, time.Unix(o.epoch, 0).UTC())
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(files)), nil
	}, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if image, err = mutate.AppendLayers(image, layer); err != nil {
		return nil, err
	}
	c, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	c = c.DeepCopy()
	c.OS, c.Architecture, c.Variant = platform.OS, platform.Architecture, platform.Variant
	c.Created = v1.Time{Time: time.Unix(o.epoch, 0).UTC()}
	c.Config = v1.Config{
		Entrypoint: []string{program},
		Cmd:        []string{"run"},
		Env:        []string{"PATH=/usr/sbin"},
		Healthcheck: &v1.HealthConfig{
			Test:        []string{"CMD", program, "ready"},
			Interval:    30 * time.Second,
			Timeout:     10 * time.Second,
			StartPeriod: 10 * time.Second,
		},
		Labels: map[string]string{
			"org.opencontainers.image.title":    "dhcp-relay",
			"org.opencontainers.image.licenses": "Apache-2.0",
			"org.opencontainers.image.version":  o.version,
		},
	}
	return mutate.ConfigFile(image, c)
}

// archive returns the files of the image: the program, and the directories that are
// mounted over.
func archive(bin []byte, at time.Time) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range []struct {
		name string
		mode int64
	}{
		{"etc/", 0o755},
		{"etc/dhcp-relay/", 0o755},
		{"proc/", 0o555},
		{"run/", 0o755},
		{"run/dhcp-relay/", 0o750},
		{"sys/", 0o555},
		{"tmp/", 0o1777},
		{"usr/", 0o755},
		{"usr/sbin/", 0o755},
		{"var/", 0o755},
		{"var/lib/", 0o755},
		{"var/lib/dhcp-relay/", 0o700},
	} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: f.name, Mode: f.mode, ModTime: at, Format: tar.FormatPAX}); err != nil {
			return nil, err
		}
	}
	h := &tar.Header{Typeflag: tar.TypeReg, Name: program[1:], Mode: 0o755, Size: int64(len(bin)), ModTime: at, Format: tar.FormatPAX}
	if err := w.WriteHeader(h); err != nil {
		return nil, err
	}
	if _, err := w.Write(bin); err != nil {
		return nil, err
	}
	err := w.Close()
	return b.Bytes(), err
}
