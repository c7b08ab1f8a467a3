package http

import (
	"slices"
	"testing"

	"dhcp-relay/relay/observe/transaction"
)

// A request that some servers did not get looks relayed, and must not look well.
func TestStepTellsWhichServersGotNothing(t *testing.T) {
	t.Parallel()
	s := transaction.Step{Direction: "request", Sent: &transaction.Leg{}, Refused: []string{"10.9.0.3"}, Error: "ENETUNREACH"}
	const want = "not sent to 10.9.0.3: ENETUNREACH"
	if got := details(&s); !slices.Contains(got, want) {
		t.Errorf("details are %q, want %q among them", got, want)
	}
	s.Refused = nil
	if got := details(&s); slices.Contains(got, want) {
		t.Errorf("details are %q, though all servers got it", got)
	}
}
