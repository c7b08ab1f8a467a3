package status

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"

	"dhcp-relay/relay/text"
)

// FuzzReport has status print what any answer of a daemon says, also one that is
// older, newer or hostile.
func FuzzReport(f *testing.F) {
	for _, in := range []Input{{}, {Now: time.Unix(1, 0), Version: "1.2.3"}} {
		r := Build(in)
		b, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"interfaces":[{"name":"vlan10\u001b[2J","reason":"\u202e"}],"servers":[{"address":"x","answer_ratio":1e308}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var r Report
		if json.Unmarshal(data, &r) != nil {
			return
		}
		for _, all := range []bool{false, true} {
			var b strings.Builder
			if err := r.WriteText(text.Writer{W: &b}, all); err != nil || !strings.HasSuffix(b.String(), "\n") {
				t.Errorf("%q, %v", b.String(), err)
			}
			if i := strings.IndexFunc(b.String(), func(c rune) bool {
				return c != '\n' && c != '\t' && unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c)
			}); i >= 0 {
				t.Errorf("a control character at %d of %q", i, b.String())
			}
		}
	})
}
