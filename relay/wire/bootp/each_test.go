package bootp_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/wire/bootp"
)

func TestOptions(t *testing.T) {
	header := make([]byte, bootp.HeaderLen)
	cookie := []byte{99, 130, 83, 99}
	for name, c := range map[string]struct {
		options []byte // with the cookie
		want    []string
	}{
		"type, pad, client-id, END, padding": {
			[]byte{99, 130, 83, 99, 53, 1, 1, 0, 61, 2, 1, 2, 255, 61, 1, 9},
			[]string{"53 [1]", "61 [1 2]"},
		},
		"an empty option":                      {append(cookie, 80, 0, 255), []string{"80 []"}},
		"no END":                               {append(cookie, 53, 1, 1), []string{"53 [1]"}},
		"cut off in the value":                 {append(cookie, 53, 1, 1, 61, 7, 1), []string{"53 [1]"}},
		"cut off before the length":            {append(cookie, 53, 1, 1, 61), []string{"53 [1]"}},
		"BOOTP with a vendor's cookie":         {[]byte{1, 2, 3, 4, 53, 1, 1, 255}, nil},
		"BOOTP with no octet after the header": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for code, value := range bootp.Packet(append(header, c.options...)).Options() {
				got = append(got, fmt.Sprintf("%d %v", code, value))
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("options (-want +got):\n%s", d)
			}
		})
	}
}
