package bench

import (
	"fmt"
	"html"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// Sizes of a plot, in pixels.
const (
	plotWidth = 640
	barHeight = 22
	barGap    = 8
	nameWidth = 110
	textWidth = 120 // for the number behind a bar
	titleRoom = 44
)

// A bar chart has one horizontal bar for each relay, as long as its median; a
// thin line shows from the least to the greatest value.
type chart struct {
	title string
	m     metric
	rows  []*Row
}

// WriteSVG writes the plots into a directory, which it makes.
func (r *Report) WriteSVG(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for i := range r.Tables {
		t := &r.Tables[i]
		for _, m := range metrics(t) {
			c := chart{title: "DHCP" + t.Family + ", " + m.label, m: m}
			for _, row := range t.Rows {
				if _, ok := row.value(m.key); ok {
					c.rows = append(c.rows, row)
				}
			}
			if len(c.rows) == 0 || !plotted(m.key) {
				continue
			}
			name := filepath.Join(dir, t.Family+"_"+m.key+".svg")
			if err := os.WriteFile(name, []byte(c.svg()), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// plotted reports whether a metric says enough to have a plot.
func plotted(key string) bool {
	switch key {
	case "card_req_rate", "card_req_cpu", "card_burst", "req_rate", "req_cpu", "rep_rate", "rep_cpu", "txn_rate", "txn_cpu",
		"lat_100_p50", "lat_1000_p99", "burst", "tax_ns", "rss_loaded", "links_1000_rate", "links_4000_rate":
		return true
	}
	return false
}

// most returns what the right end of the plot stands for. A disturbed value far
// beyond the medians does not make all bars short: its line is cut.
func (c *chart) most() float64 {
	var greatest, medians float64
	for _, r := range c.rows {
		s := r.Values[c.m.key]
		greatest, medians = max(greatest, s.Max), max(medians, s.Median)
	}
	return min(greatest, 1.5*medians)
}

// svg draws the chart. Its colours suit light and dark pages.
func (c *chart) svg() string {
	height := titleRoom + len(c.rows)*(barHeight+barGap) + barGap
	most := c.most()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13" role="img">`+"\n",
		plotWidth, height)
	b.WriteString("<style>text{fill:#24292f}.peer{fill:#8c959f}.ours{fill:#1f883d}.limit{fill:#d0d7de}.range{stroke:#57606a;stroke-width:2}" +
		"@media(prefers-color-scheme:dark){text{fill:#e6edf3}.limit{fill:#484f58}.range{stroke:#c9d1d9}}</style>\n")
	unit, better := c.m.unit, "more is better"
	if unit != "" {
		unit += ", "
	}
	if c.m.fewer {
		better = "less is better"
	}
	fmt.Fprintf(&b, `<text x="8" y="18" font-weight="bold">%s</text>`+"\n", html.EscapeString(c.title))
	fmt.Fprintf(&b, `<text x="8" y="35" font-size="11">%s</text>`+"\n", html.EscapeString(unit+better))
	for i, r := range c.rows {
		c.bar(&b, r, titleRoom+i*(barHeight+barGap), most)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func (c *chart) bar(b *strings.Builder, r *Row, y int, most float64) {
	s := r.Values[c.m.key]
	class := "peer"
	switch {
	case r.Name == ours:
		class = "ours"
	case r.Yardstick:
		class = "limit"
	}
	x := func(v float64) float64 {
		if most <= 0 || math.IsNaN(v) {
			return nameWidth
		}
		return nameWidth + min(max(0, v), most)/most*(plotWidth-nameWidth-textWidth)
	}
	mid := y + barHeight/2
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", nameWidth-8, mid+5, html.EscapeString(r.Name))
	fmt.Fprintf(b, `<rect class="%s" x="%d" y="%d" width="%.1f" height="%d"/>`+"\n", class, nameWidth, y, x(s.Median)-nameWidth, barHeight)
	if len(s.Values) > 1 {
		fmt.Fprintf(b, `<line class="range" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/>`+"\n", x(s.Min), mid, x(s.Max), mid)
	}
	text := number(s.Median)
	if s.AtLeast {
		text = "≥ " + text
	}
	fmt.Fprintf(b, `<text x="%.1f" y="%d">%s</text>`+"\n", max(x(s.Median), x(s.Max))+6, mid+5, text)
}
