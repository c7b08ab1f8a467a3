package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"dhcp-relay/relay/probe"
	"dhcp-relay/relay/wire/dhcp"
)

// probeTime is how long servers have to answer a probe: longer than a server takes that
// first looks whether an address is free, and than the kernel, until it says that a
// neighbour does not answer.
const probeTime = 5 * time.Second

// probe asks the servers of an interface, or only the one at an address if that is
// valid, in each of some families in which the interface has servers.
func (p *process) probe(ctx context.Context, link string, families []dhcp.Family, only netip.Addr) ([]probe.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	if err := p.mayProbe(link); err != nil {
		return nil, err
	}
	var (
		wg   sync.WaitGroup
		all  = make([]probe.Result, len(families))
		errs = make([]error, len(families))
	)
	for i, f := range families {
		wg.Go(func() { all[i], errs[i] = p.engine.Probe(ctx, link, f, only) })
	}
	wg.Wait()
	results := []probe.Result{}
	for i := range all {
		if errs[i] != nil {
			return nil, errs[i]
		}
		if all[i].Outcome != "" && (len(all[i].Servers) > 0 || all[i].What != "") {
			results = append(results, all[i])
		}
	}
	if len(results) > 0 {
		return results, nil
	}
	if only.IsValid() {
		return nil, fmt.Errorf("%s is no server of %s in what is asked; leave --server out to ask all", only, link)
	}
	return nil, fmt.Errorf("%s has no servers in what is asked", link)
}

// mayProbe reports why an interface cannot be probed.
func (p *process) mayProbe(link string) error {
	snap, _ := p.engine.View()
	if snap == nil {
		return errors.New("the relay does not hear clients yet")
	}
	for _, l := range snap.Links {
		if l.Host.Name == link || l.AltName == link {
			return nil
		}
	}
	return fmt.Errorf("the relay serves no interface %q: none of that name is there, or no [[interface]] names it; dhcp-relay status lists those that are served", link)
}
