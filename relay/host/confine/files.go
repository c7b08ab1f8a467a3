package confine

import (
	"debug/elf"
	"errors"
	"os"
	"path/filepath"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

// What may be done to a file, beneath a directory.
const (
	toRead  = ll.AccessFSReadFile | ll.AccessFSReadDir
	toWrite = toRead | ll.AccessFSWriteFile | ll.AccessFSTruncate | ll.AccessFSMakeReg | ll.AccessFSMakeSock | ll.AccessFSRemoveFile
	toMake  = ll.AccessFSReadDir | ll.AccessFSMakeDir | ll.AccessFSMakeSock | ll.AccessFSRemoveFile
	toRun   = ll.AccessFSReadFile | ll.AccessFSExecute
)

// newestLandlock is the version that boundFiles makes use of.
const newestLandlock = 6

// errNoLandlock says what the kernel lacks.
var errNoLandlock = errors.New("this kernel has none (Linux 5.13 with CONFIG_SECURITY_LANDLOCK, and landlock in lsm=)")

// landlockVersion returns what the kernel knows of Landlock, 0 if nothing.
func landlockVersion() int {
	v, err := ll.LandlockGetABIVersion()
	if err != nil {
		return 0
	}
	return min(v, newestLandlock)
}

// boundFiles bounds which files can be opened, which programs run and, where the
// kernel can, which TCP ports listened on, and which processes reached by signals
// and by abstract sockets.
func (n Needs) boundFiles(version int) error {
	if version == 0 {
		return errNoLandlock
	}
	can := landlock.V6
	if n.Abstract {
		can = landlock.V5
	}
	rules := []landlock.Rule{
		landlock.PathAccess(toRead, existing(n.Read)...),
		landlock.ROFiles(n.Files...).IgnoreIfMissing(),
		landlock.PathAccess(toWrite, existing(n.Write)...),
		landlock.PathAccess(toMake, above(n.Write)...),
		landlock.RWFiles("/dev/null").IgnoreIfMissing(),
	}
	if n.Run != "" {
		rules = append(rules,
			landlock.PathAccess(toRun, existing(dirs(n.Run))...),
			landlock.PathAccess(toRun|toRead, existing(libraries())...))
	}
	for _, p := range n.Listen {
		rules = append(rules, landlock.BindTCP(p))
	}
	return can.BestEffort().Restrict(rules...)
}

// existing returns those of some directories that are there.
func existing(paths []string) (there []string) {
	for _, p := range paths {
		if info, err := os.Stat(p); err == nil && info.IsDir() {
			there = append(there, p)
		}
	}
	return there
}

// above returns where those of some directories can be made that are not there, yet:
// the closest ones above them.
func above(paths []string) (there []string) {
	for _, p := range paths {
		if len(existing([]string{p})) == 0 {
			there = append(there, Above(p))
		}
	}
	return there
}

// Above returns a directory, or the closest one above it that is there.
func Above(dir string) string {
	for dir != filepath.Dir(dir) && len(existing([]string{dir})) == 0 {
		dir = filepath.Dir(dir)
	}
	return dir
}

// dirs returns the directory of a file, and that of the file that it leads to: a
// file that is replaced is another one for Landlock, and its directory is not.
func dirs(file string) []string {
	all := []string{filepath.Dir(file)}
	if real, err := filepath.EvalSymlinks(file); err == nil {
		all = append(all, filepath.Dir(real))
	}
	return all
}

// Dirs returns the directories in which to find files, "" for none, however they
// are replaced.
func Dirs(files ...string) (all []string) {
	for _, f := range files {
		if f != "" {
			all = append(all, dirs(f)...)
		}
	}
	return all
}

// libraries returns where the shared libraries are, and what loads them, if this
// program needs any: most builds do not.
func libraries() []string {
	if !dynamic() {
		return nil
	}
	return []string{"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/nix/store"}
}

// dynamic reports whether this program is loaded by another one.
func dynamic() bool {
	f, err := elf.Open("/proc/self/exe")
	if err != nil {
		return true
	}
	defer func() { _ = f.Close() }() // it was only read
	return f.Section(".interp") != nil
}
