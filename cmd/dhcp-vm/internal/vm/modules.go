package vm

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// wanted are the modules that the scenes and tests need, without those that they
// depend on. The first is one that libcrc32c asks for by the name of what it does.
func wanted() []string {
	return []string{
		"crc32c_generic", "8021q", "af_packet", "bonding", "bridge", "dummy", "esp4", "esp6", "ext4", "inet_diag", "ip_gre", "macvlan",
		"nf_tables", "nft_ct", "ppp_async", "ppp_generic", "sch_netem", "sch_tbf", "tcp_diag", "tun", "udp_diag",
		"veth", "virtio_blk", "virtio_pci", "vrf", "vxlan", "wireguard", "xfrm_user",
	}
}

// ciphers are modules of what ESP is made of, its random numbers among it. Which
// of them there are, and which are built in, differs from kernel to kernel.
func ciphers() []string {
	return []string{"cbc", "aes_generic", "hmac", "sha256_generic", "sha512_generic", "sha3_generic", "jitterentropy_rng", "drbg", "authenc", "echainiv"}
}

// A moduleSet is the modules of a kernel, by name, with "_" for "-".
type moduleSet struct {
	builtin map[string]bool
	paths   map[string]string
	read    func(path string) ([]byte, error)
}

// moduleName returns the name of a module's file.
func moduleName(file string) string {
	name := file[strings.LastIndexByte(file, '/')+1:]
	name, _, _ = strings.Cut(name, ".ko")
	return strings.ReplaceAll(name, "-", "_")
}

// A module is one to load.
type module struct {
	name string
	data []byte
}

// have returns those of the named modules that the kernel has as files.
func (s *moduleSet) have(names []string) (some []string) {
	for _, n := range names {
		if s.paths[n] != "" {
			some = append(some, n)
		}
	}
	return some
}

// closure returns the named modules and all that they depend on, in an order in
// which they can be loaded.
func (s *moduleSet) closure(names []string) ([]module, error) {
	var out []module
	var done []string
	var add func(name string) error
	add = func(name string) error {
		if s.builtin[name] || slices.Contains(done, name) {
			return nil
		}
		done = append(done, name)
		file, ok := s.paths[name]
		if !ok {
			return fmt.Errorf("the kernel has no module %s", name)
		}
		data, err := s.read(file)
		if err != nil {
			return err
		}
		needs, err := depends(data)
		if err != nil {
			return fmt.Errorf("module %s: %w", name, err)
		}
		for _, n := range needs {
			if err := add(n); err != nil {
				return fmt.Errorf("%w, which %s needs", err, name)
			}
		}
		out = append(out, module{name, data})
		return nil
	}
	for _, n := range names {
		if err := add(n); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// depends returns the modules that a module names in its section .modinfo, which
// is a list of key=value strings that end with NUL.
func depends(ko []byte) ([]string, error) {
	f, err := elf.NewFile(bytes.NewReader(ko))
	if err != nil {
		return nil, err
	}
	s := f.Section(".modinfo")
	if s == nil {
		return nil, errors.New("no section .modinfo")
	}
	info, err := s.Data()
	if err != nil {
		return nil, err
	}
	for kv := range strings.SplitSeq(string(info), "\x00") {
		if list, ok := strings.CutPrefix(kv, "depends="); ok && list != "" {
			return strings.Split(strings.ReplaceAll(list, "-", "_"), ","), nil
		}
	}
	return nil, nil
}
