//go:build !small

package http

import (
	"fmt"
	"strings"

	"dhcp-relay/relay/observe/status"
)

// The size of a spark line in its own units, of which each minute takes two in width.
const (
	sparkHeight = 24
	sparkStep   = 2
)

// A spark is a small picture of the last hour: a bar for each minute, as high as there
// were requests, and over it one as high as there were answers. What of the first is seen
// is what nobody answered.
type spark struct {
	Width, Height  int
	Asked, Got     string // paths of bars
	Took           string // path of a line, "" if there is none
	Label, Slowest string
}

// sparkOf draws a history.
func sparkOf(h *status.History) spark {
	s := spark{Width: sparkStep * len(h.Requests), Height: sparkHeight}
	var most uint32
	var asked, got, recentAsked, recentGot uint64
	for i := range h.Requests {
		most = max(most, h.Requests[i], h.Answers[i])
		asked, got = asked+uint64(h.Requests[i]), got+uint64(h.Answers[i])
		if i >= len(h.Requests)-lately {
			recentAsked, recentGot = recentAsked+uint64(h.Requests[i]), recentGot+uint64(h.Answers[i])
		}
	}
	s.Asked, s.Got = bars(h.Requests, most), bars(h.Answers, most)
	s.Label = fmt.Sprintf("last hour: %s of %s requests answered, in the last %d minutes %s of %s; %s a minute at most",
		number(min(got, asked)), number(asked), lately, number(min(recentGot, recentAsked)), number(recentAsked), number(uint64(most)))
	s.Took, s.Slowest = line(h.Response)
	return s
}

// lately is how many minutes a label tells apart.
const lately = 5

// bars returns the path of bars of some values, the highest of which is most.
func bars(values []uint32, most uint32) string {
	var b strings.Builder
	for i, v := range values {
		if v > 0 {
			h := max(1, float64(v)*sparkHeight/float64(max(most, 1)))
			fmt.Fprintf(&b, "M%d %dv-%.1fh1.6v%.1fz", i*sparkStep, sparkHeight, h, h)
		}
	}
	return b.String()
}

// line returns the path of a line through the values that are there, and the greatest.
func line(values []float64) (path, most string) {
	greatest := 0.0
	for _, v := range values {
		greatest = max(greatest, v)
	}
	if greatest == 0 {
		return "", ""
	}
	var b strings.Builder
	pen := "M"
	for i, v := range values {
		if v == 0 {
			pen = "M"
			continue
		}
		fmt.Fprintf(&b, "%s%d %.1fh1.6", pen, i*sparkStep, sparkHeight-v*(sparkHeight-2)/greatest)
		pen = "L"
	}
	return b.String(), seconds(greatest)
}
