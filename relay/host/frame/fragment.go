package frame

// fragmentUnit is what the octets before a fragment are a multiple of (RFC 791,
// section 3.2; RFC 8200, section 4.5).
const fragmentUnit = 8

// fragments sends a datagram, whose UDP header is written, in pieces no larger than
// the MTU. Each gets its headers where it lies, over the end of the piece that was
// sent before it, which is put back.
func (c *Conn) fragments(d *datagram) error {
	frame, mtu, h := d.frame, d.mtu, &d.header
	v4, headers := h.dst.Addr().Is4(), offUDP6+sizeFragment
	if v4 {
		headers = offUDP
	}
	most := (mtu - (headers - offIP)) / fragmentUnit * fragmentUnit
	if most <= 0 {
		return ErrTooBig
	}
	begin := Headroom - sizeUDP
	size := len(frame) - begin
	for off := 0; off < size; off += most {
		n := min(most, size-off)
		f := frame[begin+off-headers : begin+off+n]
		var under [Headroom]byte
		copy(under[:], f[:headers])
		if last := off+n == size; v4 {
			putFragment(f, h, off, last)
		} else {
			putFragment6(f, h, off, last)
		}
		err := c.sock.sendOne(f)
		copy(f[:headers], under[:])
		if err != nil {
			return err
		}
	}
	return nil
}
