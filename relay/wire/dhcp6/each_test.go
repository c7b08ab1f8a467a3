package dhcp6_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/wire/dhcp6"
)

func TestOptions(t *testing.T) {
	for name, c := range map[string]struct {
		field []byte
		want  []string
	}{
		"client-id, rapid commit": {[]byte{0, 1, 0, 2, 7, 8, 0, 14, 0, 0}, []string{"1 [7 8]", "14 []"}},
		"cut off in the value":    {[]byte{0, 14, 0, 0, 0, 1, 0, 2, 7}, []string{"14 []"}},
		"cut off in the header":   {[]byte{0, 14, 0, 0, 0, 1, 0}, []string{"14 []"}},
		"none":                    {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for code, value := range dhcp6.Options(c.field) {
				got = append(got, fmt.Sprintf("%d %v", code, value))
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("options (-want +got):\n%s", d)
			}
		})
	}
}
