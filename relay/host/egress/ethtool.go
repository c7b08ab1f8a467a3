package egress

import (
	"bytes"
	"encoding/binary"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What linux/ethtool.h has and x/sys lacks. The libraries for it take megabytes for
// each answer, and this is asked for again and again.
const (
	stringSetFeatures = 4 // ETH_SS_FEATURES
	stringLen         = 32
	maxFeatures       = 1024 // there are some 60
)

// featureName is the feature of devices that take UDP_SEGMENT.
const featureName = "tx-udp-segmentation"

// whole reports whether a device takes datagrams together, which is to say whether
// the feature tx-udp-segmentation is on.
func (h *Host) whole(name string) (bool, error) {
	if h.bit == 0 {
		n, err := h.featureBit(name)
		if err != nil {
			return false, err
		}
		h.bit = n
	}
	if h.bit < 0 {
		return false, nil
	}
	// struct ethtool_gfeatures: command, number of blocks, and for each block of 32
	// features what is available, requested, active and never changed.
	blocks := h.bit/32 + 1
	b := make([]byte, 8+16*blocks)
	binary.NativeEndian.PutUint32(b, unix.ETHTOOL_GFEATURES)
	binary.NativeEndian.PutUint32(b[4:], uint32(blocks))
	if err := h.ethtool(name, b); err != nil {
		return false, err
	}
	active := binary.NativeEndian.Uint32(b[8+16*(h.bit/32)+8:])
	return active>>(h.bit%32)&1 == 1, nil
}

// SetWhole switches whether a device takes datagrams together. The relay never does;
// it is for beds of tests and of measurements.
func (h *Host) SetWhole(name string, on bool) error {
	if _, err := h.whole(name); err != nil { // learns the number of the feature
		return err
	}
	if h.bit < 0 {
		return unix.EOPNOTSUPP
	}
	// struct ethtool_sfeatures: command, number of blocks, and for each block what is
	// valid and requested.
	b := make([]byte, 8+8*(h.bit/32+1))
	binary.NativeEndian.PutUint32(b, unix.ETHTOOL_SFEATURES)
	binary.NativeEndian.PutUint32(b[4:], uint32(h.bit/32+1))
	valid, requested := b[8+8*(h.bit/32):], b[8+8*(h.bit/32)+4:]
	binary.NativeEndian.PutUint32(valid, 1<<(h.bit%32))
	if on {
		binary.NativeEndian.PutUint32(requested, 1<<(h.bit%32))
	}
	return h.ethtool(name, b)
}

// featureBit returns the number of the feature, which is the kernel's own affair
// and the same for all devices, or -1 if it has no such feature.
func (h *Host) featureBit(name string) (int, error) {
	// struct ethtool_sset_info: command, reserved, a mask of sets, and their lengths.
	b := make([]byte, 24)
	binary.NativeEndian.PutUint32(b, unix.ETHTOOL_GSSET_INFO)
	binary.NativeEndian.PutUint64(b[8:], 1<<stringSetFeatures)
	if err := h.ethtool(name, b); err != nil {
		return 0, err
	}
	n := binary.NativeEndian.Uint32(b[16:])
	if n == 0 || n > maxFeatures {
		return -1, nil
	}
	// struct ethtool_gstrings: command, set, length, and the names.
	b = make([]byte, 12+stringLen*n)
	binary.NativeEndian.PutUint32(b, unix.ETHTOOL_GSTRINGS)
	binary.NativeEndian.PutUint32(b[4:], stringSetFeatures)
	binary.NativeEndian.PutUint32(b[8:], n)
	if err := h.ethtool(name, b); err != nil {
		return 0, err
	}
	for i := range int(n) {
		if s, _, _ := bytes.Cut(b[12+stringLen*i:12+stringLen*(i+1)], []byte{0}); string(s) == featureName {
			return i, nil
		}
	}
	return -1, nil
}

// driver returns the driver of a device, "" if it tells none. Kernels before 5.14
// do not tell the bus over netlink: there an address on the bus has to do.
func (h *Host) driver(name, bus string) (driver, on string) {
	d, err := unix.IoctlGetEthtoolDrvinfo(h.tool, name)
	if err != nil {
		return "", bus // as the loopback, which has none
	}
	driver = unix.ByteSliceToString(d.Driver[:])
	at := unix.ByteSliceToString(d.Bus_info[:])
	if bus == "" && isPCI(at) {
		bus = "pci"
	}
	return driver, bus
}

// isPCI reports whether s is the address of a device on PCI, such as 0000:00:03.0.
func isPCI(s string) bool {
	const form = "hhhh:hh:hh.h"
	if len(s) != len(form) {
		return false
	}
	for i := range len(form) {
		hex := bytes.IndexByte([]byte("0123456789abcdef"), s[i]) >= 0
		if form[i] == 'h' && !hex || form[i] != 'h' && s[i] != form[i] {
			return false
		}
	}
	return true
}

// ifreq is struct ifreq of linux/if.h with a pointer.
type ifreq struct {
	name [unix.IFNAMSIZ]byte
	data unsafe.Pointer
	_    [24 - unsafe.Sizeof(uintptr(0))]byte
}

// ethtool makes one request, which the kernel answers in b.
func (h *Host) ethtool(name string, b []byte) error {
	if len(name) >= unix.IFNAMSIZ {
		return unix.EINVAL
	}
	//nolint:gosec // G103: the kernel wants a pointer
	r := ifreq{data: unsafe.Pointer(&b[0])}
	copy(r.name[:], name)
	//nolint:gosec // G103: as above
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(h.tool), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&r)))
	runtime.KeepAlive(b)
	if errno != 0 {
		return os.NewSyscallError("ethtool", errno)
	}
	return nil
}
