package status

import "slices"

// Only returns what concerns one interface: its state, its drops, its servers,
// and the findings about them and about the relay as a whole. It returns false
// if there is nothing of that name.
func (r *Report) Only(name string) (Report, bool) {
	o := *r
	o.Interfaces = filter(r.Interfaces, func(i Interface) bool { return i.Name == name || i.AltName == name })
	for _, i := range o.Interfaces {
		name = i.Name
	}
	o.Drops = filter(r.Drops, func(d Drop) bool { return d.Interface == name })
	var used []ServerName
	for _, i := range o.Interfaces {
		used = append(used, i.Servers...)
	}
	o.Servers = filter(r.Servers, func(s Server) bool { return slices.Contains(used, ServerName{s.Address, s.VRF}) })
	o.Findings = filter(r.Findings, func(f Finding) bool {
		return slices.ContainsFunc(f.About, func(s Subject) bool { return s.concerns(name, used) })
	})
	return o, len(o.Interfaces)+len(o.Drops) > 0
}

func filter[T any](all []T, keep func(T) bool) []T {
	out := make([]T, 0, len(all))
	for _, v := range all {
		if keep(v) {
			out = append(out, v)
		}
	}
	return out
}
