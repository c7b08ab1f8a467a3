package dhcp_test

import (
	"encoding/json"
	"testing"

	"dhcp-relay/relay/wire/dhcp"
)

func TestWordsAreReadAsWritten(t *testing.T) {
	t.Parallel()
	type words struct {
		Family    dhcp.Family
		Direction dhcp.Direction
	}
	for f := range dhcp.Family(dhcp.Families) {
		for d := range dhcp.Direction(dhcp.Directions) {
			want := words{f, d}
			b, err := json.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			var got words
			if err := json.Unmarshal(b, &got); err != nil || got != want {
				t.Errorf("%s is read as %v, %v", b, got, err)
			}
		}
	}
	for _, bad := range []string{`{"Family": "ipv5"}`, `{"Direction": ""}`, `{"Family": 1}`} {
		if err := json.Unmarshal([]byte(bad), new(words)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}
