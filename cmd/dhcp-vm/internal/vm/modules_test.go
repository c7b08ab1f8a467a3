package vm

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ko makes the least ELF file with a section .modinfo:
//
//	header | .modinfo | .shstrtab | table of 3 section headers
func ko(t *testing.T, info string) []byte {
	t.Helper()
	const names = "\x00.modinfo\x00.shstrtab\x00"
	const header, entry = 64, 64
	h := elf.Header64{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_REL), Machine: uint16(elf.EM_X86_64), Version: uint32(elf.EV_CURRENT), Ehsize: header,
		Shoff: uint64(header + len(info) + len(names)), Shentsize: entry, Shnum: 3, Shstrndx: 2,
	}
	sections := []elf.Section64{
		{},
		{Name: 1, Type: uint32(elf.SHT_PROGBITS), Off: header, Size: uint64(len(info))},
		{Name: 10, Type: uint32(elf.SHT_STRTAB), Off: uint64(header + len(info)), Size: uint64(len(names))},
	}
	var b bytes.Buffer
	for _, part := range []any{h, []byte(info), []byte(names), sections} {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func TestClosure(t *testing.T) {
	needs := map[string]string{"vlan": "garp,mrp-x", "garp": "stp", "mrp_x": "stp", "stp": "", "lost": "gone"}
	set := &moduleSet{builtin: map[string]bool{"ipv6": true}, paths: map[string]string{}}
	for name := range needs {
		set.paths[name] = name
	}
	set.read = func(path string) ([]byte, error) {
		return ko(t, "license=GPL\x00depends="+needs[path]+"\x00name="+path+"\x00"), nil
	}
	got, err := set.closure([]string{"ipv6", "vlan", "stp"})
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, m := range got {
		order = append(order, m.name)
	}
	if diff := cmp.Diff([]string{"stp", "garp", "mrp_x", "vlan"}, order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if _, err := set.closure([]string{"lost"}); err == nil || !strings.Contains(fmt.Sprint(err), "no module gone, which lost needs") {
		t.Errorf("module that is missing: got %v", err)
	}
}

func TestModuleName(t *testing.T) {
	for file, want := range map[string]string{
		"kernel/net/8021q/8021q.ko":              "8021q",
		"kernel/crypto/crc32c-generic.ko.xz":     "crc32c_generic",
		"/lib/modules/6/kernel/net/sch_netem.ko": "sch_netem",
	} {
		if got := moduleName(file); got != want {
			t.Errorf("%s: got %s, want %s", file, got, want)
		}
	}
}
