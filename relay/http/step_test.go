package http

import (
	"slices"
	"testing"

	"dhcp-relay/relay/api"
	"dhcp-relay/relay/wire/dhcp"
)

// A request that some servers did not get looks relayed, and must not look well.
func TestStepTellsWhichServersGotNothing(t *testing.T) {
	t.Parallel()
	s := api.Step{Direction: dhcp.Requests, Sent: &api.Sending{}, Unsent: []api.Endpoint{"10.9.0.3:67"}, Error: "ENETUNREACH"}
	const want = "not sent to 10.9.0.3: ENETUNREACH"
	if got := details(&s); !slices.Contains(got, want) {
		t.Errorf("details are %q, want %q among them", got, want)
	}
	s.Unsent = nil
	if got := details(&s); slices.Contains(got, want) {
		t.Errorf("details are %q, though all servers got it", got)
	}
}
