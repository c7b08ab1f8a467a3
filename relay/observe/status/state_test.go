package status

import (
	"encoding/json"
	"testing"

	"dhcp-relay/relay/agent"
)

// Each state of a server has a name of its own, words and a tone, and is read back
// as it was written.
func TestServerStatesAreDocumented(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for i := range numServerStates {
		s := ServerState(i)
		d := s.Doc()
		if d.Name == "" || d.What == "" || d.Tone == 0 || seen[d.Name] {
			t.Errorf("state %d: %+v", i, d)
		}
		seen[d.Name] = true
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back ServerState
		if err := json.Unmarshal(b, &back); err != nil || back != s {
			t.Errorf("%s reads as %s: %v", b, back, err)
		}
	}
	var none ServerState
	if err := json.Unmarshal([]byte(`"fine"`), &none); err == nil {
		t.Error("a state that there is not is read")
	}
}

// A server is fine exactly if the status does not warn of it.
func TestServersOfWhichStatusWarnsAreNotFine(t *testing.T) {
	t.Parallel()
	want := map[ServerState]bool{
		StateIdle: true, StateWaiting: true, StateAnswering: true, StateGroup: true, StateFormer: true, StateListening: true,
		StatePartly: false, StateSlow: false, StateElsewhere: false, StateRefusing: false, StateDropped: false, StateSilent: false, StateUnreachable: false,
	}
	for i := range numServerStates {
		s := Server{State: ServerState(i)}
		if fine, ok := want[s.State]; !ok || s.Fine() != fine {
			t.Errorf("%s: fine %v", s.State, s.Fine())
		}
	}
}

// Each state of an interface is read back as it was written, and has a tone.
func TestInterfaceStatesHaveTones(t *testing.T) {
	t.Parallel()
	for n := range agent.NumStates {
		i := Interface{State: agent.State(n)}
		b, err := json.Marshal(i)
		if err != nil {
			t.Fatal(err)
		}
		var back Interface
		if err := json.Unmarshal(b, &back); err != nil || back.State != i.State || i.Tone() == 0 {
			t.Errorf("%s reads as %s, tone %d: %v", i.State, back.State, i.Tone(), err)
		}
		if (i.Tone() == Good) != (i.State == agent.Relaying) {
			t.Errorf("%s has the tone %d", i.State, i.Tone())
		}
	}
}
