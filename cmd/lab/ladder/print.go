package ladder

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// width is the greatest number of characters in a line.
const width = 120

// Widths of the parts of a line, in characters.
const (
	timeWidth  = 14 // "  1234.5 +12.3"
	nodeWidth  = 4  // names of clients and servers
	lanesWidth = 43 // all lanes together
	laneWidth  = 14 // one lane at least, for the longest types
)

// A layout says where things stand in a line.
type layout struct {
	nodes []Node
	bars  []int // position of each column
	right int   // position of the details
	color bool
}

// Print writes the ladder, at most 120 characters wide. With color, terminal
// escapes mark the kinds of messages.
func Print(w io.Writer, nodes []Node, events []Event, color bool) error {
	l := newLayout(nodes, color)
	var b strings.Builder
	l.head(&b, events)
	for i := range events {
		l.event(&b, &events[i], events[0].At.UnixNano())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func newLayout(nodes []Node, color bool) *layout {
	l := &layout{nodes: nodes, color: color}
	n := columns(nodes)
	lane := max(lanesWidth/(n-1), laneWidth)
	for i := range n {
		l.bars = append(l.bars, timeWidth+nodeWidth+1+i*lane)
	}
	l.right = l.bars[n-1] + 1 + nodeWidth + 1
	return l
}

// head writes the names of the columns.
func (l *layout) head(b *strings.Builder, events []Event) {
	row := []rune(strings.Repeat(" ", width))
	copy(row, []rune("      ms  relay"))
	for i, x := range l.bars {
		var names []string
		for _, n := range l.nodes {
			if n.Column == i {
				names = append(names, n.Name)
			}
		}
		title := names[0]
		switch {
		case i == 0:
			title = "client"
		case i == len(l.bars)-1:
			title = "server"
		case len(names) == 1 && names[0] != "relay":
			title = "relay " + names[0]
		}
		copy(row[max(x-len(title)/2, timeWidth+2):], []rune(title))
	}
	what := "  addresses, option 82"
	if slices.ContainsFunc(events, func(e Event) bool { return e.Message6 != nil }) {
		what = "  addresses, relay options"
	}
	copy(row[l.right:], []rune(what))
	b.WriteString(strings.TrimRight(string(row), " ") + "\n")
}

// event writes the line of one message, and lines for details that do not fit.
func (l *layout) event(b *strings.Builder, e *Event, start int64) {
	row := l.blank()
	copy(row, []rune(fmt.Sprintf("%8.1f", float64(e.At.UnixNano()-start)/1e6)))
	if e.Took > 0 {
		copy(row[8:], []rune(fmt.Sprintf(" +%-4.*f", decimals(e), e.Took.Seconds()*1e3)))
	}
	from, to := l.arrow(row, e)
	lines := wrap(details(e), width-l.right)
	copy(row[l.right:], []rune(lines[0]))
	b.WriteString(l.paint(row, from, to, e) + "\n")
	for _, s := range lines[1:] {
		row := l.blank()
		copy(row[l.right:], []rune(s))
		b.WriteString(strings.TrimRight(string(row), " ") + "\n")
	}
}

func decimals(e *Event) int {
	if e.Took.Milliseconds() >= 10 {
		return 0
	}
	return 2
}

// blank returns a line with the bars of the relays.
func (l *layout) blank() []rune {
	row := []rune(strings.Repeat(" ", width))
	for _, x := range l.bars[1 : len(l.bars)-1] {
		row[x] = '┃'
	}
	return row
}

// arrow draws the arrow and returns where its label begins and ends.
func (l *layout) arrow(row []rune, e *Event) (from, to int) {
	a, z := column(l.nodes, e.From), column(l.nodes, e.To)
	if a < 0 || z < 0 || a == z {
		label := []rune(cmp.Or(e.From, "?") + " " + e.Type + " " + cmp.Or(e.To, "?"))
		copy(row[l.bars[0]:], label)
		return l.bars[0], l.bars[0] + len(label)
	}
	left, right := l.bars[min(a, z)], l.bars[max(a, z)]
	for x := left + 1; x < right; x++ {
		row[x] = '─'
		if slices.Contains(l.bars, x) {
			row[x] = '╂'
		}
	}
	if a < z {
		row[right-1] = '▶'
	} else {
		row[left+1] = '◀'
	}
	l.name(row, e.From, a)
	l.name(row, e.To, z)
	label := []rune(" " + e.Type + " ")
	// In the first lane of the sender's side, so that types line up.
	lane := l.bars[1] - l.bars[0]
	from = left + (lane-1-len(label))/2 + 1
	if a > z {
		from = right - lane + (lane-1-len(label))/2 + 1
	}
	copy(row[from:], label)
	return from, from + len(label)
}

// name writes the name of a client or server beside its column.
func (l *layout) name(row []rune, name string, col int) {
	r := []rune(name)
	r = r[:min(len(r), nodeWidth)]
	switch col {
	case 0:
		copy(row[l.bars[0]-len(r):], r)
	case len(l.bars) - 1:
		copy(row[l.bars[col]:], r)
	}
}

// paint marks the label of a message by its kind.
func (l *layout) paint(row []rune, from, to int, e *Event) string {
	s := strings.TrimRight(string(row), " ")
	if !l.color {
		return s
	}
	code := "36" // cyan: requests
	switch {
	case e.Type == "NAK" || e.Type == "DECLINE" || e.Type == "RECONFIGURE":
		code = "31"
	case !e.Request():
		code = "32"
	}
	r := []rune(s)
	return string(r[:from]) + "\x1b[1;" + code + "m" + string(r[from:to]) + "\x1b[0m" + string(r[to:])
}

// wrap joins parts into lines of at most n characters; a part that is longer is
// cut.
func wrap(parts []string, n int) []string {
	var lines []string
	line := ""
	for _, p := range parts {
		if utf8.RuneCountInString(p) > n {
			p = string([]rune(p)[:n-1]) + "…"
		}
		switch {
		case line == "":
			line = p
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(p) <= n:
			line += " " + p
		default:
			lines, line = append(lines, line), p
		}
	}
	return append(lines, line)
}
