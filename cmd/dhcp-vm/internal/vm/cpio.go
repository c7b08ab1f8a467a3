package vm

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// An archive is a cpio archive of the "newc" format, which the kernel unpacks as
// its first root file system (Documentation/driver-api/early-userspace/
// buffer-format.rst of Linux). Everything in it belongs to root.
type archive struct {
	w     io.Writer
	inode int
	dirs  []string // made so far
	err   error
}

// Types of files, as st_mode has them.
const (
	modeDir  = 0o040000
	modeFile = 0o100000
)

// file adds a regular file, and the directories above it.
func (a *archive) file(name string, perm fs.FileMode, data []byte) {
	a.dir(path.Dir(name))
	a.entry(name, modeFile|uint32(perm), data)
}

// dir adds a directory, and those above it.
func (a *archive) dir(name string) {
	name = strings.TrimPrefix(name, "/")
	if name == "." || name == "" || slices.Contains(a.dirs, name) {
		return
	}
	a.dir(path.Dir(name))
	a.dirs = append(a.dirs, name)
	a.entry(name, modeDir|0o755, nil)
}

// close ends the archive and returns the first error of all.
func (a *archive) close() error {
	a.entry("TRAILER!!!", 0, nil)
	return a.err
}

// entry writes one header of 110 octets, the name and the data, each padded to
// 4 octets. Numbers are 8 hexadecimal digits.
func (a *archive) entry(name string, mode uint32, data []byte) {
	if a.err != nil {
		return
	}
	a.inode++
	name = strings.TrimPrefix(name, "/")
	var b strings.Builder
	b.WriteString("070701")
	for _, n := range []int{
		a.inode, int(mode), 0, 0, 1, 0, len(data), // inode, mode, uid, gid, nlink, mtime, size
		0, 0, 0, 0, len(name) + 1, 0, // device, special device, length of the name, checksum
	} {
		fmt.Fprintf(&b, "%08x", n)
	}
	b.WriteString(name + "\x00")
	b.WriteString(padding(b.Len()))
	for _, p := range [][]byte{[]byte(b.String()), data, []byte(padding(len(data)))} {
		if a.err == nil {
			_, a.err = a.w.Write(p)
		}
	}
}

// padding returns what is missing to a multiple of 4.
func padding(n int) string { return "\x00\x00\x00"[:(4-n%4)%4] }
