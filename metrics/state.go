package metrics

import "time"

// A State is what the engine knows at the moment of a scrape.
type State struct {
	ConfigOK   bool        // the last reload took effect
	ConfigTime time.Time   // when the last successful reload took effect; zero: never
	ConfigHash string      // of the configuration in effect; empty: none is
	Links      []LinkState // each name at most once for each family
}

// A LinkState is the state of one configured interface in one family.
type LinkState struct {
	Name    string // the interface's name
	Family  Family
	State   string // from a closed list, such as "relaying" or "missing"
	Address string // giaddr or link-address, or empty
	Servers int    // number of servers that requests may go to
}
