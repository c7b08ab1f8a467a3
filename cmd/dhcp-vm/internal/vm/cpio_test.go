package vm

import (
	"bytes"
	"fmt"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// list reads an archive as the kernel does: a header of 110 octets of ASCII,
// the name and the data, each padded to 4 octets from the start of its part.
func list(t *testing.T, b []byte) (out []string) {
	t.Helper()
	for {
		field := func(i int) int {
			n, err := strconv.ParseUint(string(b[6+8*i:14+8*i]), 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			return int(n)
		}
		if string(b[:6]) != "070701" {
			t.Fatalf("magic: got %q", b[:6])
		}
		mode, size, nameLen := field(1), field(6), field(11)
		name := string(b[110 : 110+nameLen-1])
		b = b[(110+nameLen+3)&^3:]
		if name == "TRAILER!!!" {
			return out
		}
		out = append(out, fmt.Sprintf("%06o %s %s", mode, name, b[:size]))
		b = b[(size+3)&^3:]
	}
}

func TestArchive(t *testing.T) {
	var b bytes.Buffer
	a := &archive{w: &b}
	a.file("bin/one", 0o755, []byte("12345"))
	a.dir("/dev")
	a.file("/bin/two/three", 0o644, nil)
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"040755 bin ", "100755 bin/one 12345", "040755 dev ", "040755 bin/two ", "100644 bin/two/three ",
	}
	if diff := cmp.Diff(want, list(t, b.Bytes())); diff != "" {
		t.Errorf("archive (-want +got):\n%s", diff)
	}
}
