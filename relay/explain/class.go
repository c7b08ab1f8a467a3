package explain

import (
	"fmt"
	"slices"
	"strings"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

// classNotes tells of which class a request is, and what follows from that.
func (r *Relay) classNotes(v *agent.Verdict) []string {
	if v.Link == nil || v.Direction != dhcp.Requests {
		return nil
	}
	c := r.snap.ClassOf(v)
	switch {
	case c != nil:
		return []string{fmt.Sprintf("It is of the class %s, the first whose conditions it meets%s.", c.Name, r.effect(c, v))}
	case v.Reason == agent.Relayed && v.Link.Side[v.Family].Classes():
		return []string{"It is of no class."}
	}
	return nil
}

// ofClass begins the keys of a [[class]].
const ofClass = "class."

// credit names the class where the subscriber-id comes from it.
func (r *Relay) credit(copies []Copy, v *agent.Verdict) {
	if c := r.snap.ClassOf(v); c == nil || c.SubscriberID.Empty() {
		return
	}
	const key = "subscriber_id"
	name := func(setting *string) {
		if strings.HasSuffix(*setting, "."+key) {
			*setting = ofClass + key
		}
	}
	for i := range copies {
		for n := range copies[i].Changes {
			ch := &copies[i].Changes[n]
			name(&ch.Setting)
			for k := range ch.Parts {
				name(&ch.Parts[k].Setting)
			}
		}
	}
}

// effect says what follows from the class of a request.
func (r *Relay) effect(c *agent.Class, v *agent.Verdict) string {
	switch {
	case c.Drop:
		return ", which is to be dropped"
	case len(c.Groups) > 0 && !slices.Equal(r.snap.GroupsOf(v), c.Groups):
		return fmt.Sprintf("; the class has no %s servers here, so it goes to those of the interface", v.Family.IP())
	case len(c.Groups) > 0:
		return ", so it goes to the servers of that"
	}
	return ""
}
