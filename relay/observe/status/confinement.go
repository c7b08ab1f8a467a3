package status

import (
	"fmt"
	"strings"
)

// A Confinement tells what the daemon has given up for good since it relays, so that
// a fault in it reaches less.
type Confinement struct {
	On           bool     `json:"on"`                  // it has confined itself
	Former       bool     `json:"by_former,omitempty"` // or the program has that was before this one in the process
	Capabilities []string `json:"capabilities"`        // that it has
	NoNewPrivs   bool     `json:"no_new_privileges"`   // no program that it runs has more
	Seccomp      bool     `json:"seccomp"`             // the kernel refuses system calls that it does not use
	Landlock     int      `json:"landlock"`            // version of Landlock, which bounds files; 0 if nothing does
	Missing      []string `json:"missing,omitempty"`   // what this host does not let it give up
}

// String tells people what has been given up.
func (c Confinement) String() string {
	if !c.On {
		return "not confined; " + capabilities(c.Capabilities)
	}
	s := "confined: " + capabilities(c.Capabilities)
	if c.Seccomp {
		s += ", system calls filtered"
	}
	if c.Landlock > 0 {
		s += fmt.Sprintf(", files bounded (Landlock %d)", c.Landlock)
	}
	if len(c.Missing) > 0 {
		s += "; not " + strings.Join(c.Missing, "; not ")
	}
	return s
}

// capabilities names them, as far as there are few.
func capabilities(names []string) string {
	const most = 4
	switch n := len(names); {
	case n == 0:
		return "no capabilities"
	case n > most:
		return fmt.Sprintf("%d capabilities", n)
	}
	return strings.Join(names, ", ")
}
