package client

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"dhcp-relay/cmd/lab/wire"
)

// Login goes from INIT to BOUND: Discover, the first offer, Request. After a
// Nak or silence it starts again, up to three times.
func (c *Client) Login(ctx context.Context) (Lease, error) {
	var err error
	for range 3 {
		var offers []*dhcpv4.DHCPv4
		if offers, err = c.Discover(ctx); err != nil {
			return Lease{}, err // Discover has retried already
		}
		if err = c.Request(ctx, offers[0]); err == nil {
			return c.lease, nil
		}
		if !errors.Is(err, ErrNak) && !errors.Is(err, ErrSilence) {
			return Lease{}, err
		}
	}
	return Lease{}, err
}

// Discover goes from INIT to SELECTING and returns the offers, at least one.
// wish, if any, is the address to ask for.
func (c *Client) Discover(ctx context.Context, wish ...netip.Addr) ([]*dhcpv4.DHCPv4, error) {
	if err := c.Unplug(); err != nil {
		return nil, err
	}
	c.state = Selecting
	m := c.message(dhcpv4.MessageTypeDiscover)
	for _, a := range wish {
		m.UpdateOption(dhcpv4.OptRequestedIPAddress(a.AsSlice()))
	}
	x := exchange{m, c.broadcast, func(r *dhcpv4.DHCPv4) bool {
		return r.MessageType() == dhcpv4.MessageTypeOffer && addr(r.YourIPAddr).IsValid() && addr(r.ServerIdentifier()).IsValid()
	}}
	first, err := c.do(ctx, x)
	if err != nil {
		c.state = Init
		return nil, err
	}
	offers := []*dhcpv4.DHCPv4{first}
	for end := time.Now().Add(c.conf.Collect); time.Now().Before(end); {
		o, err := c.hear(ctx, time.Until(end), x)
		if err != nil {
			return nil, err
		}
		if o != nil {
			offers = append(offers, o)
		}
	}
	return offers, nil
}

// Request takes an offer: from SELECTING by REQUESTING to BOUND, or to INIT
// with ErrNak.
func (c *Client) Request(ctx context.Context, offer *dhcpv4.DHCPv4) error {
	if err := c.in(Selecting); err != nil {
		return err
	}
	c.state = Requesting
	m := c.message(dhcpv4.MessageTypeRequest)
	m.TransactionID = offer.TransactionID
	m.UpdateOption(dhcpv4.OptRequestedIPAddress(offer.YourIPAddr))
	m.UpdateOption(dhcpv4.OptServerIdentifier(offer.ServerIdentifier()))
	return c.request(ctx, m, c.broadcast, Init)
}

// Reboot asks for the address held before: from INIT-REBOOT by REBOOTING to
// BOUND, or to INIT with ErrNak.
func (c *Client) Reboot(ctx context.Context) (Lease, error) {
	if !c.lease.Addr.IsValid() {
		return Lease{}, fmt.Errorf("reboot without an address held before: %w", ErrState)
	}
	if err := c.Unplug(); err != nil {
		return Lease{}, err
	}
	c.state = Rebooting
	m := c.message(dhcpv4.MessageTypeRequest)
	m.UpdateOption(dhcpv4.OptRequestedIPAddress(c.lease.Addr.Addr().AsSlice()))
	err := c.request(ctx, m, c.broadcast, InitReboot)
	return c.lease, err
}

// Renew asks the server for more time by unicast: from BOUND by RENEWING to
// BOUND, or to INIT with ErrNak. After silence the client is in RENEWING.
func (c *Client) Renew(ctx context.Context) (Lease, error) {
	if err := c.in(Bound, Renewing); err != nil {
		return c.lease, err
	}
	c.state = Renewing
	err := c.request(ctx, c.extend(), c.unicast, Renewing)
	return c.lease, err
}

// Rebind asks any server for more time by broadcast: from BOUND or RENEWING by
// REBINDING to BOUND, or to INIT with ErrNak. After silence the client is in
// REBINDING.
func (c *Client) Rebind(ctx context.Context) (Lease, error) {
	if err := c.in(Bound, Renewing, Rebinding); err != nil {
		return c.lease, err
	}
	c.state = Rebinding
	err := c.request(ctx, c.extend(), c.broadcast, Rebinding)
	return c.lease, err
}

// Release gives the address back, by unicast, or by broadcast although RFC 2131
// has no such thing: hosts that have lost their route do it. No reply is due.
func (c *Client) Release(byBroadcast bool) error {
	if err := c.in(Bound, Renewing, Rebinding); err != nil {
		return err
	}
	m := c.extend()
	m.UpdateOption(dhcpv4.OptMessageType(dhcpv4.MessageTypeRelease))
	m.UpdateOption(dhcpv4.OptServerIdentifier(c.lease.Server.AsSlice()))
	send := c.unicast
	if byBroadcast {
		send = c.broadcast
	}
	return errors.Join(send(m.ToBytes()), c.Unplug())
}

// Decline tells the server that the address is in use already, and goes to
// INIT. No reply is due.
func (c *Client) Decline() error {
	if err := c.in(Bound); err != nil {
		return err
	}
	if err := c.Unplug(); err != nil {
		return err
	}
	m := c.message(dhcpv4.MessageTypeDecline)
	m.UpdateOption(dhcpv4.OptRequestedIPAddress(c.lease.Addr.Addr().AsSlice()))
	m.UpdateOption(dhcpv4.OptServerIdentifier(c.lease.Server.AsSlice()))
	return c.broadcast(m.ToBytes())
}

// Inform asks for everything but an address, which the link is given by hand.
func (c *Client) Inform(ctx context.Context, by netip.Prefix) (*dhcpv4.DHCPv4, error) {
	if err := c.Unplug(); err != nil {
		return nil, err
	}
	if err := c.ns.Addr(c.dev, by.String()); err != nil {
		return nil, err
	}
	c.lease = Lease{Addr: by}
	if err := c.listen(by.Addr()); err != nil {
		return nil, err
	}
	m := c.message(dhcpv4.MessageTypeInform)
	m.ClientIPAddr = by.Addr().AsSlice()
	r, err := c.do(ctx, exchange{m, c.broadcast, func(r *dhcpv4.DHCPv4) bool {
		return r.MessageType() == dhcpv4.MessageTypeAck
	}})
	return r, errors.Join(err, c.Unplug())
}

// Bootp asks for an address with plain BOOTP (RFC 951).
func (c *Client) Bootp(ctx context.Context) (netip.Addr, error) {
	if err := c.Unplug(); err != nil {
		return netip.Addr{}, err
	}
	m := c.message(dhcpv4.MessageTypeNone)
	clear(m.Options)
	r, err := c.do(ctx, exchange{m, c.broadcast, func(r *dhcpv4.DHCPv4) bool {
		return r.MessageType() == dhcpv4.MessageTypeNone && addr(r.YourIPAddr).IsValid()
	}})
	if err != nil {
		return netip.Addr{}, err
	}
	return addr(r.YourIPAddr), nil
}

// request sends a Request until it is answered. failed is the state after silence.
func (c *Client) request(ctx context.Context, m *dhcpv4.DHCPv4, send func([]byte) error, failed State) error {
	r, err := c.do(ctx, exchange{m, send, func(r *dhcpv4.DHCPv4) bool {
		t := r.MessageType()
		return t == dhcpv4.MessageTypeAck || t == dhcpv4.MessageTypeNak
	}})
	if err != nil {
		c.state = failed
		return err
	}
	if r.MessageType() == dhcpv4.MessageTypeNak {
		return errors.Join(fmt.Errorf("%w: %s", ErrNak, r.Message()), c.Unplug())
	}
	return c.bind(r)
}

func (c *Client) in(states ...State) error {
	for _, s := range states {
		if c.state == s {
			return nil
		}
	}
	return fmt.Errorf("%s: %w", c.state, ErrState)
}

// message starts a message of the client.
func (c *Client) message(t dhcpv4.MessageType) *dhcpv4.DHCPv4 {
	m, err := dhcpv4.New(dhcpv4.WithHwAddr(c.mac), dhcpv4.WithMessageType(t))
	if err != nil {
		panic("client: message without failing modifiers: " + err.Error())
	}
	if t == dhcpv4.MessageTypeDiscover || t == dhcpv4.MessageTypeRequest || t == dhcpv4.MessageTypeInform {
		m.UpdateOption(dhcpv4.OptParameterRequestList(dhcpv4.OptionSubnetMask, dhcpv4.OptionRouter))
	}
	if c.conf.Broadcast {
		m.SetBroadcast()
	}
	if c.conf.ID != nil {
		m.UpdateOption(dhcpv4.OptClientIdentifier(c.conf.ID))
	}
	if c.conf.AgentInfo != nil {
		m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionRelayAgentInformation, c.conf.AgentInfo))
	}
	return m
}

// extend starts a message of a client that has an address: ciaddr filled, no
// broadcast flag (RFC 2131, section 4.3.6 and table 5).
func (c *Client) extend() *dhcpv4.DHCPv4 {
	m := c.message(dhcpv4.MessageTypeRequest)
	m.ClientIPAddr = c.lease.Addr.Addr().AsSlice()
	m.SetUnicast()
	return m
}

// broadcast sends a frame to all, from the lease's address if the link has it.
func (c *Client) broadcast(b []byte) error {
	src := netip.IPv4Unspecified()
	if c.udp != nil {
		src = c.lease.Addr.Addr()
	}
	p := wire.Packet{
		EtherSrc: c.mac, Src: netip.AddrPortFrom(src, clientPort),
		Dst: netip.AddrPortFrom(everyone(), serverPort), Payload: b,
	}
	return c.tap.Send(p.Frame())
}

// unicast sends to the server by the host's own routes.
func (c *Client) unicast(b []byte) error {
	_, err := c.udp.WriteToUDPAddrPort(b, netip.AddrPortFrom(c.lease.Server, serverPort))
	return err
}
