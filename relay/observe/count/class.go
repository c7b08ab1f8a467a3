package count

import "dhcp-relay/relay/wire/dhcp"

// A Class counts the requests that were of a class of clients.
type Class struct {
	Name     string
	Requests [dhcp.Families]Counter
}

// SetClasses returns the counters of the classes in the order of the configuration.
// Those of a name that was there before go on.
func (t *Table) SetClasses(names []string) []*Class {
	former := make(map[string]*Class)
	for _, c := range t.Classes() {
		former[c.Name] = c
	}
	all := make([]*Class, len(names))
	for i, name := range names {
		if all[i] = former[name]; all[i] == nil {
			all[i] = &Class{Name: name}
		}
	}
	t.classes.Store(&all)
	return all
}

// Classes returns what SetClasses has returned last.
func (t *Table) Classes() []*Class {
	if all := t.classes.Load(); all != nil {
		return *all
	}
	return nil
}
