package count

// A GroupServer is how requests go to one server of a group. It is a state, and counts
// nothing.
type GroupServer struct {
	Group  string // its name, or its servers if it has none
	Mode   string
	Server ServerID
	Down   bool // it does not answer
	Late   bool // in a mode that passes over who answers late: it does
	Active bool // requests go to it, or in a mode that chooses by the client may go to it
}

// SetGroups says how requests go to the servers of groups, in the order of the
// configuration. Nobody may change all after it.
func (t *Table) SetGroups(all []GroupServer) { t.groups.Store(&all) }

// Groups returns what SetGroups has said last.
func (t *Table) Groups() []GroupServer {
	if all := t.groups.Load(); all != nil {
		return *all
	}
	return nil
}
