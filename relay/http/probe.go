package http

import (
	"context"
	"net/http"
	"net/netip"

	"dhcp-relay/relay/probe"
	"dhcp-relay/relay/wire/dhcp"
)

// A Prober asks the servers of an interface, or only one, as a client there would.
type Prober func(ctx context.Context, link string, families []dhcp.Family, only netip.Addr) ([]probe.Result, error)

// ServeHTTP implements http.Handler: interface says of which interface, family and
// server are optional.
func (p Prober) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	families := []dhcp.Family{dhcp.V4, dhcp.V6}
	if s := q.Get("family"); s != "" {
		var one dhcp.Family
		if err := one.UnmarshalText([]byte(s)); err != nil {
			plain(w, http.StatusBadRequest, err.Error()+"\n")
			return
		}
		families = []dhcp.Family{one}
	}
	var only netip.Addr
	if s := q.Get("server"); s != "" {
		var err error
		if only, err = netip.ParseAddr(s); err != nil {
			plain(w, http.StatusBadRequest, "server: write an address\n")
			return
		}
		families = []dhcp.Family{dhcp.FamilyOf(only)}
	}
	all, err := p(r.Context(), q.Get("interface"), families, only)
	if err != nil {
		plain(w, http.StatusNotFound, err.Error()+"\n")
		return
	}
	object(w, all)
}
