package netns

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ethtoolStxcsum is ETHTOOL_STXCSUM of linux/ethtool.h. Without transmit
// checksums the kernel also gives up the segmentation that builds on them.
const ethtoolStxcsum = 0x17

// ethtoolValue is struct ethtool_value of linux/ethtool.h.
type ethtoolValue struct{ cmd, data uint32 }

// ifreqData is struct ifreq of linux/if.h with a pointer.
type ifreqData struct {
	name [unix.IFNAMSIZ]byte
	data unsafe.Pointer
	_    [24 - unsafe.Sizeof(uintptr(0))]byte
}

// Offload switches a device's transmit checksum offload, and the segmentation
// offloads that depend on it.
func (n *NS) Offload(dev string, on bool) error {
	v := ethtoolValue{cmd: ethtoolStxcsum}
	if on {
		v.data = 1
	}
	req := ifreqData{data: unsafe.Pointer(&v)}
	copy(req.name[:unix.IFNAMSIZ-1], dev)
	err := n.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req)))
		if errno != 0 {
			return errors.Join(errno, unix.Close(fd))
		}
		return unix.Close(fd)
	})
	if err != nil {
		return fmt.Errorf("checksum offload of %s in %s: %w", dev, n.Name, err)
	}
	return nil
}
