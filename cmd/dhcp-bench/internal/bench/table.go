package bench

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// Print writes the report as text: for each family a table of medians and
// spreads, with the ratios of ours to the best peer and to the null relay, and
// the bars.
func (r *Report) Print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d cores, Linux %s, %s; %d rounds", r.Host.CPU, r.Host.Cores, r.Host.Kernel, r.Host.Go, r.Rounds)
	if r.Quick {
		b.WriteString("; quick: too short for more than a look")
	}
	b.WriteString("\nMedian, then the spread over the rounds (latency: over slices of rounds; watched and bare: over\n" +
		"pairs). >= says that the load was the limit. While latency is measured, the relay's processor is\n" +
		"kept awake, as to wake a virtual one up takes longer than to relay and differs by the minute.\n")
	b.WriteString("Requests were measured on two uplinks, all else on the virtual one:\n")
	for _, u := range r.Uplinks {
		fmt.Fprintf(&b, "  %s: %s\n", u.Name, u.What)
	}
	for i := range r.Tables {
		if err := r.Tables[i].print(&b); err != nil {
			return err
		}
	}
	if r.Lost > 0 {
		fmt.Fprintf(&b, "\nThe load's own sockets lost %d messages, which count as lost by the relays.\n", r.Lost)
	}
	if r.Backlog > 0 {
		fmt.Fprintf(&b, "\nThe kernel dropped %d packets before any socket saw them.\n", r.Backlog)
	}
	printBars(&b, r.Bars())
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *Table) print(w io.Writer) error {
	fmt.Fprintf(w, "\nDHCP%s\n\n", t.Family)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(tw, "\t")
	for _, r := range t.Rows {
		fmt.Fprintf(tw, "%s\t", r.Name)
	}
	fmt.Fprint(tw, "vs best peer\tvs null\t\n")
	for _, m := range metrics(t) {
		label := m.label
		if m.unit != "" {
			label += ", " + m.unit
		}
		fmt.Fprintf(tw, "%s\t", label)
		for _, r := range t.Rows {
			fmt.Fprintf(tw, "%s\t", r.Values[m.key].text())
		}
		fmt.Fprintf(tw, "%s\t%s\t\n", t.against(m, t.best(m)), t.against(m, t.row(nullName)))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, r := range t.Rows {
		for _, n := range r.Notes {
			fmt.Fprintf(w, "%s: %s\n", r.Name, n)
		}
	}
	return nil
}

// against returns the ratio of ours to another row.
func (t *Table) against(m metric, other *Row) string {
	a, ok := t.row(ours).value(m.key)
	b, ok2 := other.value(m.key)
	if !ok || !ok2 || a <= 0 || b <= 0 || !m.comparable() {
		return ""
	}
	text := fmt.Sprintf("%.2f", a/b)
	if other.Name != nullName {
		text += " (" + other.Name + ")"
	}
	return text
}

// text returns a cell; nil is a metric that was not measured.
func (s *Sample) text() string {
	if s == nil {
		return "-"
	}
	text := number(s.Median)
	if s.AtLeast {
		text = ">=" + text
	}
	if len(s.Values) > 1 {
		text += fmt.Sprintf(" %.0f%%", 100*s.spread())
	}
	return text
}

// number writes a value with three digits that say something, and thousands
// apart.
func number(v float64) string {
	a := math.Abs(v)
	switch {
	case a >= 1000:
		s := fmt.Sprintf("%.0f", v)
		for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
			s = s[:i] + "," + s[i:]
		}
		return s
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
