package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
)

// A Tap is a packet socket on one link. It hears every frame that the link
// receives or sends, except those that it sent itself, from Open on. The kernel
// keeps the frames until they are asked for. Methods that read must not be
// called concurrently.
type Tap struct {
	dev  string
	file *os.File
	buf  []byte
}

// receiveBuffer holds what a scene or test sends before it looks, in octets.
const receiveBuffer = 8 << 20

// Open taps a link of a namespace, which must be up to be sent on.
func Open(n *netns.NS, dev string) (*Tap, error) {
	t := &Tap{dev: dev, buf: make([]byte, 1<<16)}
	err := n.Do(func() error {
		l, err := net.InterfaceByName(dev)
		if err != nil {
			return err
		}
		t.file, err = socket(l)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("tap %s in %s: %w", dev, n.Name, err)
	}
	return t, nil
}

// Close ends the tap.
func (t *Tap) Close() error { return t.file.Close() }

// Send puts a frame onto the link as it stands.
func (t *Tap) Send(frame []byte) error {
	if _, err := t.file.Write(frame); err != nil {
		return fmt.Errorf("send on %s: %w", t.dev, err)
	}
	return nil
}

// Next returns the next frame, and waits for it until the time is over: the
// error then wraps os.ErrDeadlineExceeded. Frames that do not decode are
// returned as far as they do.
func (t *Tap) Next(wait time.Duration) (Frame, error) {
	if err := t.file.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return Frame{}, fmt.Errorf("tap %s: %w", t.dev, err)
	}
	return t.read(false)
}

// Find returns the next frame that matches and forgets those before it. The
// error wraps os.ErrDeadlineExceeded if there is none in time.
func (t *Tap) Find(wait time.Duration, match func(*Frame) bool) (Frame, error) {
	end := time.Now().Add(wait)
	for {
		f, err := t.Next(time.Until(end))
		if err != nil {
			return Frame{}, err
		}
		if match(&f) {
			return f, nil
		}
	}
}

// Drain returns the frames heard so far, without waiting.
func (t *Tap) Drain() ([]Frame, error) {
	if err := t.file.SetReadDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("tap %s: %w", t.dev, err)
	}
	var out []Frame
	for {
		f, err := t.read(true)
		if errors.Is(err, unix.EAGAIN) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, f)
	}
}

// Lost returns how many frames the kernel dropped since the last call because
// nobody asked for them in time.
func (t *Tap) Lost() (uint32, error) {
	var s *unix.TpacketStats
	c, err := t.file.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("tap %s: %w", t.dev, err)
	}
	if cerr := c.Control(func(fd uintptr) {
		s, err = unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS)
	}); cerr != nil {
		err = cerr
	}
	if err != nil {
		return 0, fmt.Errorf("statistics of tap %s: %w", t.dev, err)
	}
	return s.Drops, nil
}

// read reads one frame. If now, it returns unix.EAGAIN rather than wait.
func (t *Tap) read(now bool) (Frame, error) {
	c, err := t.file.SyscallConn()
	if err != nil {
		return Frame{}, fmt.Errorf("tap %s: %w", t.dev, err)
	}
	var (
		oob     [256]byte
		n, oobn int
		from    unix.Sockaddr
		rerr    error
	)
	err = c.Read(func(fd uintptr) bool {
		n, oobn, _, from, rerr = unix.Recvmsg(int(fd), t.buf, oob[:], unix.MSG_DONTWAIT)
		return now || !errors.Is(rerr, unix.EAGAIN)
	})
	if err == nil {
		err = rerr
	}
	if err != nil {
		return Frame{}, fmt.Errorf("tap %s: %w", t.dev, err)
	}
	at, vlan := control(oob[:oobn])
	raw := slices.Clone(t.buf[:n])
	if vlan != 0 && n >= 12 {
		// The kernel has taken the tag out; a wire would have carried it.
		raw = slices.Insert(raw, 12, TypeVLAN>>8, TypeVLAN&0xff, byte(vlan>>8), byte(vlan))
	}
	// Frames that are cut short are for the caller to judge.
	f, _ := Decode(raw)
	f.At = at
	if ll, ok := from.(*unix.SockaddrLinklayer); ok {
		f.Outgoing = ll.Pkttype == unix.PACKET_OUTGOING
	}
	return f, nil
}

// control reads the time and the 802.1Q tag out of control messages.
func control(oob []byte) (at time.Time, vlan uint16) {
	at = time.Now()
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return at, 0
	}
	for _, m := range msgs {
		switch {
		case m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= 16:
			at = time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:])))
		case m.Header.Level == unix.SOL_PACKET && m.Header.Type == unix.PACKET_AUXDATA && len(m.Data) >= 18:
			// struct tpacket_auxdata: status, len, snaplen (32 bits each), mac, net, vlan_tci.
			if binary.NativeEndian.Uint32(m.Data)&unix.TP_STATUS_VLAN_VALID != 0 {
				vlan = binary.NativeEndian.Uint16(m.Data[16:])
			}
		}
	}
	return at, vlan
}

// socket opens a packet socket of the current thread's namespace on a link.
func socket(l *net.Interface) (*os.File, error) {
	// Protocol 0 at first: the socket hears nothing until it is bound to the link.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("packet socket: %w", err)
	}
	all := uint16(unix.ETH_P_ALL)
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all>>8 | all<<8, Ifindex: l.Index}),
	)
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), "tap "+l.Name), nil
}
