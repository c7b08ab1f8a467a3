package status

import (
	"dhcp-relay/relay/observe/count"
)

// causeOf tells what is said to stand in the way to a server, nil if nothing is.
func causeOf(c *count.OfServer) *Cause {
	t := c.Trouble
	if t == nil {
		return nil
	}
	cause := &Cause{Kind: t.Error.Kind.String(), What: t.String(), Remedy: t.Remedy(), Since: t.Since, Last: t.Last, Count: t.Count}
	if !t.Local {
		cause.SaidBy = t.Error.Offender
	}
	return cause
}

// because adds to a finding about a server that does not reply why that may be so.
func (f *found) because(s *Server) {
	c := s.Cause
	if c == nil || f.kind != serverSilent && f.kind != serverUnreachable {
		return
	}
	if f.detail != "" {
		f.detail += "; "
	}
	f.detail += c.What
	s.Verdict += " It may be that " + c.What + "."
	f.do = c.Remedy
}
