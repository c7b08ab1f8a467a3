package client6

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"

	"dhcp-relay/cmd/lab/rkap"
)

// Login goes from idle to bound: Solicit, the first Advertise, Request; or, if
// the client asks for Rapid Commit and is heard, by Solicit and Reply alone.
func (c *Client) Login(ctx context.Context) (Lease, error) {
	offers, err := c.Solicit(ctx)
	if err != nil || c.state == Bound {
		return c.lease, err
	}
	return c.lease, c.Request(ctx, offers[0])
}

// Solicit returns the Advertises, at least one, and leaves the client
// soliciting; or nothing, and leaves it bound, if a server committed at once.
func (c *Client) Solicit(ctx context.Context) ([]*dhcpv6.Message, error) {
	if err := c.Unplug(); err != nil {
		return nil, err
	}
	c.state = Soliciting
	m := c.message(dhcpv6.MessageTypeSolicit, false)
	if c.conf.Rapid {
		m.AddOption(&dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionRapidCommit})
	}
	accept := func(r *dhcpv6.Message) bool {
		return r.MessageType == dhcpv6.MessageTypeAdvertise ||
			r.MessageType == dhcpv6.MessageTypeReply && c.conf.Rapid && r.GetOneOption(dhcpv6.OptionRapidCommit) != nil
	}
	first, err := c.do(ctx, m, accept)
	if err != nil {
		c.state = Idle
		return nil, err
	}
	if first.MessageType == dhcpv6.MessageTypeReply {
		return nil, c.bind(first)
	}
	offers := []*dhcpv6.Message{first}
	for end := time.Now().Add(c.conf.Collect); time.Now().Before(end); {
		o, err := c.hear(ctx, time.Until(end), func(raw []byte) *dhcpv6.Message { return c.reply(raw, m, accept) })
		if err != nil {
			return nil, err
		}
		if o != nil {
			offers = append(offers, o)
		}
	}
	return offers, nil
}

// Request takes what a server advertised: from soliciting to bound.
func (c *Client) Request(ctx context.Context, offer *dhcpv6.Message) error {
	if err := c.in(Soliciting); err != nil {
		return err
	}
	l, err := c.leaseOf(offer)
	if err != nil {
		return err
	}
	c.lease, c.state = l, Requesting
	return c.ask(ctx, c.withServer(c.message(dhcpv6.MessageTypeRequest, true)), Idle)
}

// Renew asks the server for more time: from bound by renewing to bound.
func (c *Client) Renew(ctx context.Context) (Lease, error) {
	if err := c.in(Bound, Renewing); err != nil {
		return c.lease, err
	}
	c.state = Renewing
	return c.lease, c.ask(ctx, c.withServer(c.message(dhcpv6.MessageTypeRenew, true)), Renewing)
}

// Rebind asks any server for more time: from bound or renewing by rebinding to
// bound.
func (c *Client) Rebind(ctx context.Context) (Lease, error) {
	if err := c.in(Bound, Renewing, Rebinding); err != nil {
		return c.lease, err
	}
	c.state = Rebinding
	return c.lease, c.ask(ctx, c.message(dhcpv6.MessageTypeRebind, true), Rebinding)
}

// Release gives everything back and waits for the server to say so.
func (c *Client) Release(ctx context.Context) error {
	if err := c.in(Bound, Renewing, Rebinding); err != nil {
		return err
	}
	return c.end(ctx, c.withServer(c.message(dhcpv6.MessageTypeRelease, true)))
}

// Decline tells the server that the address is in use already, and waits for it
// to say that it has heard.
func (c *Client) Decline(ctx context.Context) error {
	if err := c.in(Bound); err != nil {
		return err
	}
	return c.end(ctx, c.withServer(c.message(dhcpv6.MessageTypeDecline, true)))
}

// Confirm asks any server whether the address is still right on this link. The
// error wraps ErrStatus if it is not.
func (c *Client) Confirm(ctx context.Context) error {
	if err := c.in(Bound); err != nil {
		return err
	}
	m := c.message(dhcpv6.MessageTypeConfirm, true)
	m.Options.Del(dhcpv6.OptionIAPD) // RFC 9915, section 18.2.3: addresses only
	r, err := c.do(ctx, m, isReply)
	if err != nil {
		return err
	}
	return status(r)
}

// Inform asks for everything but an address and returns the DNS servers that it
// was told of.
func (c *Client) Inform(ctx context.Context) ([]netip.Addr, error) {
	m := c.start(dhcpv6.MessageTypeInformationRequest)
	r, err := c.do(ctx, m, isReply)
	if err != nil {
		return nil, err
	}
	var out []netip.Addr
	for _, ip := range r.Options.DNS() {
		a, _ := netip.AddrFromSlice(ip.To16())
		out = append(out, a)
	}
	return out, nil
}

// Reconfigured waits for a Reconfigure with the right digest and returns which
// message it asks for.
func (c *Client) Reconfigured(ctx context.Context, wait time.Duration) (dhcpv6.MessageType, error) {
	if c.key == nil {
		return 0, fmt.Errorf("no reconfigure key: %w", ErrState)
	}
	var asked dhcpv6.MessageType
	m, err := c.hear(ctx, wait, func(raw []byte) *dhcpv6.Message {
		m, err := dhcpv6.MessageFromBytes(raw)
		if err != nil || m.MessageType != dhcpv6.MessageTypeReconfigure || !c.mine(m) || !rkap.Verify(raw, *c.key) {
			return nil
		}
		o := m.GetOneOption(dhcpv6.OptionReconfMessage)
		if o == nil || len(o.ToBytes()) != 1 {
			return nil
		}
		asked = dhcpv6.MessageType(o.ToBytes()[0])
		return m
	})
	if err == nil && m == nil {
		err = fmt.Errorf("reconfigure in %s: %w", c.ns.Name, ErrSilence)
	}
	return asked, err
}

// ask sends a message until it is answered by what binds. failed is the state
// after silence.
func (c *Client) ask(ctx context.Context, m *dhcpv6.Message, failed State) error {
	r, err := c.do(ctx, m, isReply)
	if err != nil {
		c.state = failed
		return err
	}
	if err := status(r); err != nil {
		return err
	}
	return c.bind(r)
}

// end sends a message after which nothing is left.
func (c *Client) end(ctx context.Context, m *dhcpv6.Message) error {
	if err := c.Unplug(); err != nil {
		return err
	}
	r, err := c.do(ctx, m, isReply)
	if err != nil {
		return err
	}
	return status(r)
}

func (c *Client) in(states ...State) error {
	for _, s := range states {
		if c.state == s {
			return nil
		}
	}
	return fmt.Errorf("%s: %w", c.state, ErrState)
}

// start starts a message of the client.
func (c *Client) start(t dhcpv6.MessageType) *dhcpv6.Message {
	m, err := dhcpv6.NewMessage(dhcpv6.WithClientID(c.id), dhcpv6.WithRequestedOptions(dhcpv6.OptionDNSRecursiveNameServer))
	if err != nil {
		panic("client6: message without failing modifiers: " + err.Error())
	}
	m.MessageType = t
	m.AddOption(dhcpv6.OptElapsedTime(0))
	if c.conf.Reconfigure {
		m.AddOption(&dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionReconfAccept})
	}
	return m
}

// message starts a message with identity associations, which name what the
// lease holds, or nothing yet.
func (c *Client) message(t dhcpv6.MessageType, named bool) *dhcpv6.Message {
	m := c.start(t)
	na := &dhcpv6.OptIANA{IaId: c.iaid()}
	if named {
		na.Options.Add(&dhcpv6.OptIAAddress{IPv6Addr: c.lease.Addr.AsSlice()})
	}
	m.AddOption(na)
	if !c.conf.Prefix {
		return m
	}
	pd := &dhcpv6.OptIAPD{IaId: c.iaid()}
	if named {
		p := c.lease.Prefix
		pd.Options.Add(&dhcpv6.OptIAPrefix{Prefix: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 128)}})
	}
	m.AddOption(pd)
	return m
}

// withServer names the server of the lease.
func (c *Client) withServer(m *dhcpv6.Message) *dhcpv6.Message {
	if id, err := dhcpv6.DUIDFromBytes(c.lease.Server); err == nil {
		m.AddOption(dhcpv6.OptServerID(id))
	}
	return m
}

func (c *Client) iaid() [4]byte { return [4]byte(c.mac[2:]) }

func isReply(m *dhcpv6.Message) bool { return m.MessageType == dhcpv6.MessageTypeReply }

// status returns an error if a server refused.
func status(m *dhcpv6.Message) error {
	if s := m.Options.Status(); s != nil && s.StatusCode != iana.StatusSuccess {
		return fmt.Errorf("%w: %s", ErrStatus, s)
	}
	return nil
}
