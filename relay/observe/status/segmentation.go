package status

import (
	"slices"
	"strings"

	"dhcp-relay/relay/offload"
	"dhcp-relay/relay/text"
)

// A Segmentation says whether requests that come together go to a server together.
type Segmentation struct {
	Used   bool   `json:"used"`             // with UDP_SEGMENT
	Reason string `json:"reason"`           // "card", "kernel", "off", "virtual", "guest", "namespace", "empty", "no_route", "failed", "refused" or "unknown"
	Device string `json:"device,omitempty"` // the network device that decides; "" if none does
	Text   string `json:"text"`             // the same in words
}

func segmentation(v offload.Verdict) *Segmentation {
	return &Segmentation{v.Reason.Good(), v.Reason.String(), v.Device, v.String()}
}

// writeSegmentation says the same of servers of which the same is to be said once.
func (r *Report) writeSegmentation(b *strings.Builder) {
	var texts []string
	names := make(map[string][]string)
	for i := range r.Servers {
		s := &r.Servers[i]
		if s.Segmentation == nil {
			continue
		}
		t := s.Segmentation.Text
		if !slices.Contains(texts, t) {
			texts = append(texts, t)
		}
		names[t] = append(names[t], s.Address.String())
	}
	for _, t := range texts {
		text.Wrap(b, "", text.Some(names[t], mostNamed)+": "+t+".", textWidth)
	}
}
