package status

import (
	"fmt"
)

// A ServerState says in one word how a server does.
type ServerState uint8

// The states of a server.
const (
	StateIdle        ServerState = iota // nothing was sent to it lately
	StateWaiting                        // it was asked, and has not answered yet
	StateAnswering                      //
	StateGroup                          // it is a multicast group, whose servers answer from addresses of their own
	StateFormer                         // it is no longer in the configuration
	StatePartly                         // it answers fewer than half of the requests
	StateSlow                           // it answers, and most clients wait long
	StateListening                      // it gets copies, and is to answer nothing
	StateElsewhere                      // its clients are answered, by nobody who can be told to be it
	StateRefusing                       // it refuses its clients addresses
	StateDropped                        // its replies were heard, and dropped
	StateSilent                         // it answers nothing
	StateUnreachable                    // requests do not reach it
	numServerStates  = int(iota)
)

// A ServerStateDoc is what the documentation says of a state.
type ServerStateDoc struct {
	Name string // as in Server.State
	What string
	Tone Tone
}

// Doc returns what the documentation says of the state.
func (s ServerState) Doc() ServerStateDoc { return serverStates()[s] }

// ServerStates returns what the documentation says of each.
func ServerStates() []ServerStateDoc {
	all := serverStates()
	return all[:]
}

func serverStates() [numServerStates]ServerStateDoc {
	return [numServerStates]ServerStateDoc{
		StateIdle:        {"idle", "no request was sent to it lately", Neutral},
		StateWaiting:     {"waiting", "it was asked, and has not answered yet", Neutral},
		StateAnswering:   {"answering", "it answers", Good},
		StateGroup:       {"group", "a multicast group: its servers answer from addresses of their own", Neutral},
		StateFormer:      {"former", "it is no longer in the configuration", Neutral},
		StatePartly:      {"partly", "it answers fewer than half of the requests", Doubtful},
		StateSlow:        {"slow", "it answers, but most clients wait more than 1.5 seconds", Doubtful},
		StateListening:   {"listening", "it gets copies, and is to answer nothing", Neutral},
		StateElsewhere:   {"elsewhere", "its clients are answered, by nobody who can be told to be it", Doubtful},
		StateRefusing:    {"refusing", "it refuses its clients addresses", Bad},
		StateDropped:     {"dropped", "its replies were heard, and dropped", Bad},
		StateSilent:      {"silent", "it answers nothing", Bad},
		StateUnreachable: {"unreachable", "requests do not reach it", Bad},
	}
}

// String returns the state's name.
func (s ServerState) String() string { return s.Doc().Name }

// MarshalText implements encoding.TextMarshaler.
func (s ServerState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *ServerState) UnmarshalText(b []byte) error {
	for i, d := range serverStates() {
		if d.Name == string(b) {
			*s = ServerState(i)
			return nil
		}
	}
	return fmt.Errorf("%q is no state of a server", b)
}

// A Tone says how good something is, for those who see colours.
type Tone uint8

// The tones. What is not known for good or bad has none of them.
const (
	_        Tone = iota
	Good          // it works
	Neutral       // there is nothing to tell
	Doubtful      // it works badly, or for some only
	Bad           // it does not work
)

// Tone says how bad a finding is.
func (f *Finding) Tone() Tone {
	switch f.Severity {
	case Error:
		return Bad
	case Warn:
		return Doubtful
	case Info:
	}
	return Neutral
}

// Fine reports whether nothing is wrong with a server.
func (s *Server) Fine() bool {
	t := s.State.Doc().Tone
	return t == Good || t == Neutral
}
