package resolve

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"dhcp-relay/relay/wire/dhcp"
)

const (
	// retry is how long a look-up that failed waits for the next one.
	retry = 5 * time.Second
	// linger is how long an address that a name has no more may still reply.
	linger = time.Minute
)

// A Name is what is known of a name.
type Name struct {
	Name   string
	Addrs  []netip.Addr // of the last answer
	Since  time.Time    // when that was first given; zero: never
	Failed time.Time    // since when look-ups fail; zero: the last one did not
	Err    error        // why, nil if it did not
	Due    time.Time    // of the next look-up
	Former []netip.Addr // that it had a moment ago
	Until  time.Time    // how long Former is of interest
}

// A Keeper keeps what names mean. Make one with NewKeeper; it may be used by several
// goroutines.
type Keeper struct {
	lookup func(ctx context.Context, name string) (Answer, error)

	mu    sync.Mutex
	names map[string]*Name
}

// NewKeeper returns one that looks names up by a function such as Resolver.Lookup.
func NewKeeper(lookup func(ctx context.Context, name string) (Answer, error)) *Keeper {
	return &Keeper{lookup: lookup, names: make(map[string]*Name)}
}

// Addrs returns the last answer for a name, and the addresses that it had a moment ago.
func (k *Keeper) Addrs(name string) (now, former []netip.Addr) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if n := k.names[name]; n != nil {
		return n.Addrs, n.Former
	}
	return nil, nil
}

// Names returns what is known of some names, in their order.
func (k *Keeper) Names(names []string) (all []Name) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, name := range names {
		if n := k.names[name]; n != nil {
			all = append(all, *n)
		}
	}
	return all
}

// Recall has addresses of a name hold that a former process knew, until it is looked up.
func (k *Keeper) Recall(name string, addrs []netip.Addr, since time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.names[name] == nil {
		k.names[name] = &Name{Name: name, Addrs: bound(addrs), Since: since}
	}
}

// Expire has each name looked up by the next Refresh.
func (k *Keeper) Expire() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, n := range k.names {
		n.Due = time.Time{}
	}
}

// A Change is a name that means something else, or whose look-up begins to fail or
// works again.
type Change struct {
	Was, Is Name
}

// Moved reports whether the addresses are others.
func (c *Change) Moved() bool { return !slices.Equal(c.Was.Addrs, c.Is.Addrs) }

// Refresh looks up those of some names whose answer no longer holds, all at once, until
// ctx ends. What is no longer of interest of a name is a change, too.
func (k *Keeper) Refresh(ctx context.Context, names []string) (changes []Change) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	for _, name := range names {
		due, c := k.due(name, time.Now())
		if c != nil {
			changes = append(changes, *c)
		}
		if !due {
			continue
		}
		wg.Go(func() {
			a, err := k.lookup(ctx, name)
			c := k.note(name, a, err, time.Now())
			if c.Moved() || (c.Was.Err == nil) != (c.Is.Err == nil) {
				mu.Lock()
				defer mu.Unlock()
				changes = append(changes, c)
			}
		})
	}
	wg.Wait()
	return changes
}

// due reports whether a name is to be looked up, and what is over of it.
func (k *Keeper) due(name string, now time.Time) (due bool, over *Change) {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := k.names[name]
	if n == nil {
		return true, nil
	}
	if len(n.Former) > 0 && !now.Before(n.Until) {
		over = &Change{Was: *n}
		n.Former, n.Until = nil, time.Time{}
		over.Is = *n
	}
	return !now.Before(n.Due), over
}

// note notes the outcome of a look-up.
func (k *Keeper) note(name string, a Answer, err error, now time.Time) (c Change) {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := k.names[name]
	if n == nil {
		n = &Name{Name: name}
		k.names[name] = n
	}
	c.Was = *n
	addrs := slices.Clone(a.Addrs)
	for _, old := range n.Addrs {
		if a.Failed[dhcp.FamilyOf(old)] {
			addrs = append(addrs, old)
		}
	}
	addrs = bound(addrs)
	if n.Since.IsZero() && len(addrs) > 0 || !slices.Equal(n.Addrs, addrs) {
		n.Since = now
	}
	for _, old := range n.Addrs {
		if !slices.Contains(addrs, old) && !slices.Contains(n.Former, old) {
			n.Former, n.Until = append(slices.Clone(n.Former), old), now.Add(linger)
		}
	}
	n.Former = slices.DeleteFunc(slices.Clone(n.Former), func(a netip.Addr) bool { return slices.Contains(addrs, a) })
	n.Former = n.Former[max(0, len(n.Former)-2*MaxAnswers):]
	n.Addrs, n.Err, n.Failed, n.Due = addrs, nil, time.Time{}, now.Add(a.TTL)
	if err != nil {
		n.Err, n.Failed, n.Due = err, c.Was.Failed, now.Add(retry)
		if c.Was.Err == nil {
			n.Failed = now
		}
	}
	c.Is = *n
	return c
}
