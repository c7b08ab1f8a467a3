package health

// A State says how a server does. The list is closed.
type State uint8

// The states.
const (
	Idle        State = iota // nothing was asked of it lately
	Waiting                  // it was asked, and has not answered yet
	Answering                // it answers
	Slow                     // it answers, and most clients wait longer than Late
	Silent                   // it answers nothing, though answers are due
	Unreachable              // the same, and the host or the network says why requests do not reach it
	Refusing                 // it refuses its clients addresses
	Dropped                  // its replies are heard, and this relay drops them
	Elsewhere                // its clients are answered, by nobody who can be told to be this server
	Listening                // it gets copies and is to answer nothing
	Group                    // a multicast group, whose servers answer from addresses of their own
	numStates   = int(iota)
)

// A StateDoc is what the documentation says of a state.
type StateDoc struct {
	Name string
	What string
	well bool
}

// Doc returns what the documentation says of the state.
func (s State) Doc() StateDoc { return docs()[s] }

// States returns what the documentation says of each state, by State.
func States() []StateDoc {
	all := docs()
	return all[:]
}

func docs() [numStates]StateDoc {
	return [numStates]StateDoc{
		Idle:        {"idle", "nothing was asked of it lately", true},
		Waiting:     {"waiting", "it was asked, and has not answered yet", true},
		Answering:   {"answering", "it answers", true},
		Slow:        {"slow", "it answers, but most clients wait long", true},
		Silent:      {"silent", "it answers nothing, though answers are due", false},
		Unreachable: {"unreachable", "requests do not reach it", false},
		Refusing:    {"refusing", "it refuses its clients addresses", false},
		Dropped:     {"dropped", "its replies are heard, and dropped", false},
		Elsewhere:   {"elsewhere", "its clients are answered, by nobody who can be told to be it", true},
		Listening:   {"listening", "it gets copies, and is to answer nothing", true},
		Group:       {"group", "a multicast group: its servers answer from addresses of their own", true},
	}
}

// String returns the state's name.
func (s State) String() string { return s.Doc().Name }

// Well reports whether there is no reason to ask another server in place of one.
func (s State) Well() bool { return s != Silent && s != Unreachable && s != Dropped && s != Refusing }
