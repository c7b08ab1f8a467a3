package probe

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"dhcp-relay/relay/api"
	"dhcp-relay/relay/text"
	"dhcp-relay/relay/wire/dhcp"
)

// A Result is what came of asking the servers of one interface in one family.
type Result struct {
	Interface string      `json:"interface"`
	Family    dhcp.Family `json:"family"`
	Outcome   string      `json:"outcome"`          // relayed, or why the relay would drop such a request
	What      string      `json:"what,omitempty"`   // what happened, if it is not relayed
	Remedy    string      `json:"remedy,omitempty"` // what to do about it
	Servers   []Server    `json:"servers"`
}

// A Server is what one server answers.
type Server struct {
	Address  api.Endpoint `json:"address"`
	VRF      string       `json:"vrf,omitempty"` // "" is the default VRF
	Offers   bool         `json:"offers"`        // it offers an address
	Type     string       `json:"type,omitempty"`
	Offered  string       `json:"offered,omitempty"` // the address
	Lease    float64      `json:"lease_seconds,omitempty"`
	After    float64      `json:"response_seconds,omitempty"` // from sending to the answer
	Answerer netip.Addr   `json:"answerer"`                   // the address that the answer came from, if it is another one; else ""
	Released bool         `json:"released,omitempty"`         // it gave a lease unasked, which was given back
	What     string       `json:"what,omitempty"`             // what stands in the way, or why it offers nothing
	Remedy   string       `json:"remedy,omitempty"`           // what to do about it
}

// Offers reports whether a server of any of the results offers an address.
func Offers(all []Result) bool {
	return slices.ContainsFunc(all, func(r Result) bool {
		return slices.ContainsFunc(r.Servers, func(s Server) bool { return s.Offers })
	})
}

// Write writes results for people.
func Write(w io.Writer, all []Result) error {
	var b strings.Builder
	for i := range all {
		all[i].write(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Result) write(b *strings.Builder) {
	fmt.Fprintf(b, "%s, %s\n", r.Interface, r.Family)
	if r.What != "" {
		text.Wrap(b, "  ", r.What, width)
		text.Wrap(b, "  → ", r.Remedy, width)
	}
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for i := range r.Servers {
		s := &r.Servers[i]
		fmt.Fprintf(t, "  %s\t%s\t%s\n", s.name(), s.verdict(), s.time())
	}
	_ = t.Flush() // a strings.Builder takes all
	for i := range r.Servers {
		if s := &r.Servers[i]; s.Remedy != "" {
			text.Wrap(b, "  → ", s.name()+": "+s.Remedy, width)
		}
	}
}

// width is how wide the text may be, in characters.
const width = 79

func (s *Server) name() string {
	if s.VRF == "" {
		return s.Address.String()
	}
	return s.Address.String() + " (" + s.VRF + ")"
}

// verdict says what the server offers, or what stands in the way.
func (s *Server) verdict() string {
	if !s.Offers {
		return s.What
	}
	v := "offers " + s.Offered
	if s.Lease > 0 {
		v += " for " + strconv.FormatFloat(s.Lease, 'f', 0, 64) + " s"
	}
	if s.Answerer.IsValid() {
		v += ", from " + s.Answerer.String()
	}
	if s.Released {
		v += ", given back"
	}
	return v
}

// time says how long the answer took.
func (s *Server) time() string {
	if s.After == 0 {
		return ""
	}
	return "after " + strconv.FormatFloat(s.After*1000, 'g', 3, 64) + " ms"
}
