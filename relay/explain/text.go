package explain

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"dhcp-relay/relay/agent"
)

// String returns the result as text of several lines, for people.
func (r *Result) String() string {
	var b strings.Builder
	r.title(&b)
	r.outcome(&b)
	for i := range r.Copies {
		c := &r.Copies[i]
		for j := range c.Sends {
			fmt.Fprintf(&b, "  send     %s\n", c.Sends[j].String())
		}
		c.write(&b, r.Message.Octets)
	}
	width := 0
	for _, s := range r.Settings {
		width = max(width, len(s.assignment()))
	}
	for i, s := range r.Settings {
		fmt.Fprintf(&b, "  %-8s %-*s  %s\n", map[bool]string{true: "because"}[i == 0], width, s.assignment(), s.where())
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "  note     %s\n", n)
	}
	return b.String()
}

func (r *Result) title(b *strings.Builder) {
	if r.Frame > 0 {
		fmt.Fprintf(b, "frame %d, ", r.Frame)
	}
	if r.Time != nil {
		fmt.Fprintf(b, "%s, ", r.Time.Format(time.TimeOnly+".000000"))
	}
	m := &r.Message
	if r.Outcome == notExplained {
		b.WriteString("of which too little is known\n")
	} else {
		b.WriteString(m.Type)
		if id := cmp.Or(m.Client.MAC, m.Client.DUID); id != "" {
			b.WriteString(" of client " + id)
		}
		if m.Xid != "" {
			b.WriteString(", xid " + m.Xid)
		}
		fmt.Fprintf(b, ", %d octets\n", m.Octets)
	}
	fmt.Fprintf(b, "  heard    %s -> %s", m.Source, m.Destination)
	if m.Interface != "" {
		b.WriteString(" on " + m.Interface)
	}
	b.WriteString("\n")
}

func (r *Result) outcome(b *strings.Builder) {
	switch {
	case r.Outcome == notHeard:
		fmt.Fprintf(b, "  not heard: %s\n", r.What)
	case r.Dropped():
		fmt.Fprintf(b, "  DROPPED  %s: %s\n", r.Outcome, r.What)
	case r.Outcome == notExplained:
		fmt.Fprintf(b, "  not explained: %s\n", r.What)
	default:
		b.WriteString("  RELAYED\n")
	}
	if r.Remedy != "" && r.Remedy != agent.Relayed.Doc().Remedy {
		fmt.Fprintf(b, "  to do    %s\n", r.Remedy)
	}
	if s := r.Rules.String(); s != "" {
		fmt.Fprintf(b, "  rule     %s\n", s)
	}
}

// String returns the rules in one line, "" if there are none.
func (r Rules) String() string { return r.RFC + r.Why }

// assignment returns a setting as it is written.
func (s *Setting) assignment() string { return s.Key + " = " + s.Value }

// where returns where a setting is written.
func (s *Setting) where() string {
	if s.Line == 0 {
		return "default"
	}
	return fmt.Sprintf("%s:%d", s.File, s.Line)
}

// String says what is sent where.
func (s *Send) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s to %s %s", s.Cast, s.Towards, s.Destination)
	if s.DNSName != "" {
		b.WriteString(" (" + s.DNSName + ")")
	}
	if s.Interface != "" {
		b.WriteString(" on " + s.Interface)
	}
	if s.VRF != "" {
		b.WriteString(" in VRF " + s.VRF)
	}
	if s.FrameTo != "" {
		fmt.Fprintf(&b, ", in a frame to %s from %s", s.FrameTo, s.FrameFrom)
	}
	if s.Source != nil {
		fmt.Fprintf(&b, ", source %s port %d", s.Source, s.SourcePort)
	} else {
		fmt.Fprintf(&b, ", source as the route gives it, port %d", s.SourcePort)
	}
	if s.Problem != "" {
		b.WriteString("; CANNOT BE SENT: " + s.Problem)
	}
	return b.String()
}

// write lists the changes.
func (c *Copy) write(b *strings.Builder, received int) {
	if len(c.Changes) == 0 {
		b.WriteString("  change   none: it is sent octet for octet as it was received\n")
		return
	}
	for i := range c.Changes {
		label := ""
		if i == 0 {
			label = "change"
		}
		ch := &c.Changes[i]
		fmt.Fprintf(b, "  %-8s at %-4d %s\n", label, ch.Offset, ch.words())
		for _, p := range ch.Parts {
			fmt.Fprintf(b, "                   %s (%d): %s%s\n", p.Name, p.Code, either(p.Text, p.Value.spaced()), by(p.Setting))
		}
	}
	if received != c.Octets {
		fmt.Fprintf(b, "  length   %d -> %d octets\n", received, c.Octets)
	}
}

func by(setting string) string {
	if setting == "" {
		return ""
	}
	return " by " + setting
}

// words says what changes in a place: the octets as people read them, and in
// brackets as they are.
func (c *Change) words() string {
	switch {
	case c.Field == padding:
		return c.Field + ": " + either(c.OldText, "none") + " -> " + either(c.NewText, "none")
	case len(c.Old) == 0:
		return c.Field + " put in: " + inBrackets(c.NewText, c.New)
	case len(c.New) == 0:
		return c.Field + " taken out: " + inBrackets(c.OldText, c.Old)
	case c.OldText == "" || c.NewText == "":
		return fmt.Sprintf("%s: %s -> %s", c.Field, c.Old.spaced(), c.New.spaced())
	}
	return fmt.Sprintf("%s: %s -> %s (%s -> %s)", c.Field, c.OldText, c.NewText, c.Old.spaced(), c.New.spaced())
}

func inBrackets(text string, o Octets) string {
	if text == "" {
		return o.spaced()
	}
	return text + " (" + o.spaced() + ")"
}

// spaced writes octets in hexadecimal for people.
func (o Octets) spaced() string { return fmt.Sprintf("% x", []byte(o)) }
