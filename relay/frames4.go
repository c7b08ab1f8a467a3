package relay

import (
	"fmt"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/clientmac"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

// keptMACs4 is the name of the map of link-layer addresses of DHCPv4.
const keptMACs4 = "clientmac4"

// macs4 tell from which link-layer addresses messages of DHCPv4 came, whatever chaddr
// says: a filter on the sockets of those links that ask for it. Without it nothing does.
type macs4 struct {
	table  *clientmac.Table // nil: nobody has asked yet, or it is not allowed
	failed bool             // it was told that there is none
}

// noteFrames has filters note where messages come from on the sockets of links that ask
// for that in DHCPv4. Once there, they stay.
func (e *Engine) noteFrames(s *state) {
	for _, l := range s.Snap.Links {
		if !l.Side[dhcp.V4].Frame {
			continue
		}
		k := s.Plan.ClientSocket(l, dhcp.V4)
		if sock := e.sockets[k]; sock != nil && sock.frames.Load() == nil && !e.macs4.failed {
			if err := e.noteFrame(k, sock); err != nil {
				e.macs4.failed = true
				text := err.Error()
				e.frameless.Store(&text)
				e.log.Warn("the frames of DHCPv4 clients are not seen, so ports of bridges are not known; with CAP_BPF they are", "err", err)
			}
		}
	}
}

// noteFrame puts the filter on a socket, behind the one that sheds.
func (e *Engine) noteFrame(k agent.Socket, sock *socket) error {
	if e.macs4.table == nil {
		t, err := e.openMACs4()
		if err != nil {
			return err
		}
		e.macs4.table = t
	}
	rc := sock.pair.Requests.SyscallConn()
	var src *clientmac.Source
	var err error
	if g := sock.gates.requests; g != nil {
		src, err = e.macs4.table.Attach(rc, g.Front()...)
	} else {
		src, err = e.macs4.table.Attach(rc)
	}
	if err != nil {
		return fmt.Errorf("port %d: %w", k.Port, err)
	}
	sock.frames.Store(src)
	return nil
}

// openMACs4 makes the table, of the former process's map if that is there.
func (e *Engine) openMACs4() (*clientmac.Table, error) {
	left := e.keeper.Take(keptMACs4)
	if len(left) > 0 {
		t, err := clientmac.Adopt4(left[0], bootp.Reply)
		if err == nil {
			e.keepAs(keptMACs4, t.FD())
			return t, nil
		}
		e.keeper.Forget(keptMACs4)
		e.log.Warn("of DHCPv4 messages that came before this start it is not known by which port", "err", err)
	}
	t, err := clientmac.New4(bootp.Reply)
	if err == nil {
		e.keepAs(keptMACs4, t.FD())
	}
	return t, err
}

// Frameless returns why the frames of DHCPv4 clients are not seen, "" if they are or
// nobody has asked.
func (e *Engine) Frameless() string {
	if s := e.frameless.Load(); s != nil {
		return *s
	}
	return ""
}
