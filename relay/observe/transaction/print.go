package transaction

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"dhcp-relay/relay/api"
	"dhcp-relay/relay/text"
	"dhcp-relay/relay/wire/dhcp"
)

// Widths of the parts of a line, in characters.
const (
	textWidth = 120 // of lines that are wrapped
	timeWidth = 10  // milliseconds since the transaction began
	nameWidth = 8   // "  client"
	laneWidth = 18  // one arrow
	labelMax  = 12  // a type on an arrow
	rightEdge = timeWidth + nameWidth + 1 + laneWidth + 1 + laneWidth + 1
)

// A Printer draws transactions as ladders for terminals: the client on the left,
// this relay in the middle, the servers on the right.
//
//	#1 ipv4 0x00000001  02:00:00:00:00:01  vlan10, giaddr 10.1.0.1  10:00:00.000
//	       0.0  client ─── DISCOVER ────▶┃─── DISCOVER ────▶ 10.9.0.2
type Printer struct {
	W     io.Writer
	ASCII bool // no characters but ASCII
	Color bool // mark kinds of messages by terminal escapes

	last      uint64 // transaction whose head was printed last
	explained string // drop reason that was explained last, in that transaction
}

// Transaction prints a whole transaction with its outcome.
func (p *Printer) Transaction(t *api.Transaction) error {
	p.last = 0
	var b strings.Builder
	p.steps(&b, t)
	p.outcome(&b, t)
	b.WriteByte('\n')
	return p.write(&b)
}

// Event prints what is new. The head of the transaction is printed again if
// another one came in between.
func (p *Printer) Event(e *api.Event) error {
	var b strings.Builder
	if e.Lost > 0 {
		fmt.Fprintf(&b, "(%d messages came too fast to be shown)\n", e.Lost)
	}
	p.steps(&b, &e.Transaction)
	if e.Cause != "" && e.State != api.Dropped {
		p.outcome(&b, &e.Transaction)
	}
	return p.write(&b)
}

func (p *Printer) write(b *strings.Builder) error {
	s := b.String()
	if p.ASCII {
		s = strings.NewReplacer("─", "-", "▶", ">", "◀", "<", "┃", "|", "✗", "X", "µ", "u").Replace(s)
		s = strings.Map(func(r rune) rune {
			if r > '~' {
				return '?'
			}
			return r
		}, s)
	}
	_, err := io.WriteString(p.W, s)
	return err
}

func (p *Printer) steps(b *strings.Builder, t *api.Transaction) {
	if p.last != t.ID || p.last == 0 {
		p.head(b, t)
	}
	for i := range t.Steps {
		p.step(b, t, &t.Steps[i])
	}
}

// head writes whose transaction it is.
func (p *Printer) head(b *strings.Builder, t *api.Transaction) {
	p.last, p.explained = t.ID, ""
	fmt.Fprintf(b, "#%d %s", t.ID, t.Family)
	for _, s := range []string{t.XID, t.Client.MAC, t.Client.DUID} {
		if s != "" {
			b.WriteString("  " + text.Visible(s))
		}
	}
	b.WriteString("  " + text.Visible(t.Interface))
	if t.Relay != "" {
		b.WriteString(", " + t.Family.AddressField() + " " + text.Visible(t.Relay))
	}
	b.WriteString("  " + t.Started.Format("15:04:05.000") + "\n")
	if t.Omitted > 0 {
		fmt.Fprintf(b, "  (%d earlier messages are not shown)\n", t.Omitted)
	}
}

// outcome writes what became of the transaction, and why.
func (p *Printer) outcome(b *strings.Builder, t *api.Transaction) {
	color := "31"
	if t.State == api.Answered || t.State == api.Sent || t.State == api.Waiting {
		color = "32"
	}
	b.WriteString("  = " + p.paint(color, text.Visible(t.Outcome)) + "\n")
	if t.State != api.Dropped || !dropExplained(t) {
		text.Wrap(b, "    ", text.Visible(t.Cause), textWidth)
	}
}

// dropExplained reports whether a step has explained the drop that is the outcome.
func dropExplained(t *api.Transaction) bool {
	for i := range t.Steps {
		if t.Steps[i].What != "" && strings.Contains(t.Cause, t.Steps[i].What) {
			return true
		}
	}
	return false
}

// step writes one step: the arrows of both legs, or where it ended, and details.
func (p *Printer) step(b *strings.Builder, t *api.Transaction, s *api.Step) {
	fmt.Fprintf(b, "%*.1f", timeWidth, float64(s.Time.Sub(t.Started).Microseconds())/1e3)
	label, color := strings.ToUpper(short(text.Visible(s.Type))), p.color(s)
	var right string
	bar, left, far := "┃", strings.Repeat(" ", laneWidth), strings.Repeat(" ", laneWidth)
	reply := s.Direction == dhcp.Replies
	near := !reply || s.Interface == t.Interface && s.Sent == nil
	switch {
	case s.Sent == nil && near:
		left, bar = p.arrow(label, color, false), "✗"
	case s.Sent == nil:
		far, bar = p.arrow(label, color, true), "✗"
	default:
		left, far = p.arrow(label, color, reply), p.arrow(label, color, reply)
	}
	if s.Sent != nil || !near {
		right = strings.Join(peers(s, reply), ", ")
	}
	fmt.Fprintf(b, "%*s %s%s%s", nameWidth, "client", left, bar, far)
	lines := wrapParts(right, details(t, s, near && s.Sent == nil), textWidth-rightEdge)
	for i, line := range lines {
		if i > 0 {
			b.WriteString(strings.Repeat(" ", rightEdge-laneWidth-2) + "┃" + strings.Repeat(" ", laneWidth))
		}
		b.WriteString(" " + text.Visible(line) + "\n")
	}
	if s.What != "" && p.explained != s.Outcome {
		p.explained = s.Outcome
		text.Wrap(b, strings.Repeat(" ", timeWidth+2), text.Visible(s.What+" "+s.Remedy), textWidth)
	}
}

// peers returns the servers that a step concerns.
func peers(s *api.Step, reply bool) []string {
	if reply {
		return []string{s.Source.String()}
	}
	return api.Endpoints(s.Sent.Destinations)
}

// details returns what else there is to tell of a step.
func details(t *api.Transaction, s *api.Step, from bool) (parts []string) {
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if s.Sent == nil {
		add("dropped: %s", s.Outcome)
	}
	if from {
		add("from %s on %s", s.Source, s.Interface)
	} else if s.Sent == nil {
		add("on %s", s.Interface)
	}
	parts = append(parts, Says(s)...)
	if s.RTT > 0 {
		add("after %s", duration(s.RTT).Round(10*time.Microsecond))
	}
	if s.Sent != nil {
		if s.Direction == dhcp.Replies {
			to := s.Sent.Destinations[0].String()
			if s.Sent.FrameTo != t.Client.MAC && s.Sent.Cast != "broadcast" {
				to = strings.TrimSpace(to + " " + s.Sent.FrameTo)
			}
			add("%s to %s", s.Sent.Cast, to)
		}
		add("relayed in %s", duration(s.Took).Round(time.Microsecond))
	}
	if s.Sent != nil && len(s.Unsent) > 0 {
		add("%s", Unsent(s))
	}
	if s.Class != "" {
		add("class %s", s.Class)
	}
	if s.Bare {
		add("without option 82 for want of room")
	}
	return parts
}

// Says returns what a message itself says, in words: a refusal, and addresses
// that are given or asked for.
func Says(s *api.Step) (parts []string) {
	if s.Status != "" {
		parts = append(parts, s.Status)
	}
	if s.Message != "" {
		parts = append(parts, strconv.Quote(s.Message))
	}
	if len(s.Given) > 0 {
		parts = append(parts, "gives "+strings.Join(s.Given, " "))
	}
	if len(s.Asked) > 0 {
		parts = append(parts, "asks for "+strings.Join(s.Asked, " "))
	}
	return parts
}

// Unsent says to which servers no copy went, and why.
func Unsent(s *api.Step) string {
	return "not sent to " + strings.Join(api.Endpoints(s.Unsent), ", ") + ": " + s.Error
}

// duration returns a time in seconds as Go has it.
func duration(seconds float64) time.Duration {
	return time.Duration(math.Round(seconds * float64(time.Second)))
}

// arrow draws a message on its way to the right, or with back to the left.
func (p *Printer) arrow(label, color string, back bool) string {
	n := laneWidth - utf8.RuneCountInString(label) - 3
	lead, tail := strings.Repeat("─", n/2), strings.Repeat("─", n-n/2)
	label = p.paint(color, " "+label+" ")
	if back {
		return "◀" + lead + label + tail
	}
	return lead + label + tail + "▶"
}

func (p *Printer) color(s *api.Step) string {
	switch {
	case s.Sent == nil || s.Status != "" || s.Type == "decline":
		return "31"
	case s.Direction == dhcp.Replies:
		return "32"
	}
	return "36"
}

func (p *Printer) paint(color, s string) string {
	if !p.Color {
		return s
	}
	return "\x1b[1;" + color + "m" + s + "\x1b[0m"
}
