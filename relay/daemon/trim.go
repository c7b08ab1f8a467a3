package daemon

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"dhcp-relay/relay/built"
)

// trim has a small program need less memory than its start did.
func (p *process) trim() {
	if !built.Small {
		return
	}
	if err := unmap(); err != nil {
		p.log.Debug("the pages of the start stay mapped", "err", err)
	}
}

// unmap lets go of the pages of the program file, most of which the start alone needed:
// where memory is short the kernel parts with what is mapped and executable last. What is
// used again comes back.
func unmap() error {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(maps)) {
		var start, end uintptr
		var access, offset, device string
		var inode uint64
		n, _ := fmt.Sscanf(line, "%x-%x %s %s %s %d", &start, &end, &access, &offset, &device, &inode)
		if n < 6 || inode == 0 || strings.Contains(access, "w") {
			continue // what is written to is not to be had again
		}
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, start, end-start, unix.MADV_DONTNEED); errno != 0 {
			return fmt.Errorf("madvise: %w", errno)
		}
	}
	return nil
}
