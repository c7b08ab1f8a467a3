package agent

import (
	"iter"
	"net/netip"

	"dhcp-relay/relay/wire/dhcp"
)

// A Form is the form in which a server gets a request.
type Form uint8

// The forms.
const (
	NoCopy               Form = iota // none: others were chosen
	Whole                            // as the Verdict left it
	WithoutVSS                       // the server does not understand VSS (RFC 6607, section 5)
	WithoutLinkSelection             // the server is to get no link selection (RFC 3527)
	WithoutBoth
	NumForms = int(iota)
)

// lacks reports what of option 82, or of a Relay-forward, a form is without.
func (f Form) lacks() (vss, linkSelection bool) {
	return f == WithoutVSS || f == WithoutBoth, f == WithoutLinkSelection || f == WithoutBoth
}

// FormFor returns in which form a request goes to the i-th of Link.Side[Family].Servers.
func (v *Verdict) FormFor(i int, to *Server) Form {
	if v.Asked>>i&1 == 0 {
		return NoCopy
	}
	return v.FormOf(to)
}

// FormOf returns in which form a request goes to a server that is asked.
func (v *Verdict) FormOf(to *Server) Form {
	vss, sel := v.vss > 0 && !to.VSS, v.sel && to.NoLinkSelection
	switch {
	case vss && sel:
		return WithoutBoth
	case vss:
		return WithoutVSS
	case sel:
		return WithoutLinkSelection
	}
	return Whole
}

// SourceTo returns the source address of the copy to a server; invalid: the kernel's choice.
func (v *Verdict) SourceTo(to *Server) netip.Addr {
	if to.Source.IsValid() {
		return to.Source
	}
	return v.Src
}

// Differs reports whether Shape would edit a request.
func (v *Verdict) Differs(f Form) bool {
	vss, sel := f.lacks()
	return vss && v.vss > 0 || sel && v.sel
}

// Shape edits a request into a form, but for what it is without already.
func (v *Verdict) Shape(b *Buf, f Form) {
	vss, sel := f.lacks()
	if vss && v.vss > 0 {
		v.shedVSS(b)
	}
	if sel && v.sel {
		v.shedLinkSelection(b)
	}
}

// A Copy is one datagram of a request.
type Copy struct {
	Server int // index into Policy.Servers
	Form   Form
	From   Socket // by which it leaves
	Way
}

// Copies yields what of a request that is relayed goes to servers, also the copies that
// cannot go now because of what Way.Lacks.
func (p *Plan) Copies(v *Verdict) iter.Seq[Copy] {
	return func(yield func(Copy) bool) {
		for i, n := range v.Link.Side[v.Family].Servers {
			form, way := v.FormFor(i, &p.snap.Policy.Servers[n]), p.ways[n]
			if form != NoCopy && !yield(Copy{n, form, Socket{v.Family, v.SrcPort, way.VRF}, way}) {
				return
			}
		}
	}
}

// A Resort is what becomes of a copy that is larger than the MTU of its route, which
// nobody knows before the kernel has said so.
type Resort uint8

// The resorts.
const (
	Smaller   Resort = iota // it goes again, without option 82
	Fragments               // it goes in fragments, as it came or because the first link's MTU is larger
	Refused                 // it does not go: DropOversize
)

// TooLarge edits a request of which a copy is larger than the MTU, and returns what
// becomes of that copy. A copy that was too large without option 82 has no other
// resort than Fragments or Refused.
func (v *Verdict) TooLarge(b *Buf) Resort {
	switch {
	case v.Omitted || v.shed(b):
		return Smaller
	case v.Family == dhcp.V4 && v.Link.Interface.V4.DropOversize:
		return Refused
	}
	return Fragments
}
