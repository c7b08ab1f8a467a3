package status

import (
	"net/netip"
	"strings"
	"time"

	"dhcp-relay/relay/text"
)

// A DNSName is a DNS name of servers, each of whose addresses is one.
type DNSName struct {
	Name        string       `json:"name"`
	Addresses   []netip.Addr `json:"addresses"`              // of the last answer
	Since       *time.Time   `json:"since"`                  // when that was first given; null if there was none
	FailedSince *time.Time   `json:"failed_since,omitempty"` // since when it cannot be looked up; absent if it can
	Error       string       `json:"error,omitempty"`        // why not
	Interfaces  []string     `json:"interfaces"`             // that have it among their servers, by their names in the configuration
	Needed      bool         `json:"needed"`                 // one of them has no server now
}

// names tells of the names of servers that have no address, or cannot be looked up.
func (b *builder) names() {
	b.report.DNSNames = b.Names
	for i := range b.Names {
		n := &b.Names[i]
		f := found{about: Subject{Kind: OfName, Name: n.Name}}
		f.do = "Look at what DNS and /etc/hosts of this host say of the name (getent ahosts " + n.Name + "), and at /etc/resolv.conf; the relay asks again and again."
		switch {
		case len(n.Addresses) == 0:
			f.severity, f.kind = Warn, nameUnknown
			if n.Needed {
				f.severity = Error
			}
			f.text = "No address is known of this server, so that it gets no request"
			f.detail = "of " + text.Some(n.Interfaces, mostNamed)
			if n.Error != "" {
				f.detail += "; " + n.Error
			}
		case n.Error != "":
			f.severity, f.kind = Warn, nameStale
			f.text = "The name of this server cannot be looked up, so that the last answer holds"
			f.detail = addressList(n.Addresses) + ", since " + clock(*n.FailedSince, b.Now) + "; " + n.Error
		default:
			continue
		}
		b.add(f)
	}
	if b.NamesUnfit != "" {
		b.add(found{
			severity: Error, kind: nameRefused, about: b.file(),
			text:   "What DNS names of servers mean now is not in effect, for the configuration would be wrong with it",
			detail: firstLine(b.NamesUnfit),
			do:     "Run dhcp-relay check --config " + b.Config.File + ", and put right what DNS says, or write addresses in place of the names.",
		})
	}
}

// writeNames writes what DNS names mean.
func (r *Report) writeNames(b *strings.Builder) {
	if len(r.DNSNames) == 0 {
		return
	}
	rows := [][]string{{"DNS NAME", "ADDRESSES", "SINCE", "LOOK-UPS"}}
	for i := range r.DNSNames {
		n := &r.DNSNames[i]
		row := []string{n.Name, "-", "-", "work"}
		if n.Since != nil {
			row[1], row[2] = addressList(n.Addresses), clock(*n.Since, r.Time)
		}
		if n.FailedSince != nil {
			row[3] = "fail since " + clock(*n.FailedSince, r.Time)
		}
		rows = append(rows, row)
	}
	table(b, rows)
}

// addressList lists addresses.
func addressList(all []netip.Addr) string {
	names := make([]string, len(all))
	for i, a := range all {
		names[i] = a.String()
	}
	return strings.Join(names, ", ")
}
