package dhcp6

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// nest puts n relay headers of type t around m; the options that more returns
// stand before the Relay Message option of each level, 1 being the innermost.
func nest(m Message, t Type, n int, more func(level int) []byte) Message {
	for level := 1; level <= n; level++ {
		var extra []byte
		if more != nil {
			extra = more(level)
		}
		m = relayed(t, extra, opt(OptionRelayMsg, m...))
	}
	return m
}

func TestInnermost(t *testing.T) {
	t.Parallel()
	id := opt(OptionInterfaceID, 'x')
	headless := relayed(RelayForward, id)
	twice := relayed(RelayForward, opt(OptionRelayMsg, solicit()...), opt(OptionRelayMsg, solicit()...))
	broken := relayed(RelayForward, cut(OptionRelayMsg, 5000, solicit()...))
	empty := relayed(RelayForward, opt(OptionRelayMsg))
	tests := []struct {
		name  string
		m     Message
		want  Message
		depth int
	}{
		{"client message", solicit(), solicit(), 0},
		{"one header", nest(solicit(), RelayForward, 1, nil), solicit(), 1},
		{"reply", nest(client(Advertise), RelayReply, 3, nil), client(Advertise), 3},
		{"unknown type", nest(client(99), RelayForward, 2, nil), client(99), 2},
		{"no relay message option", nest(headless, RelayForward, 2, nil), headless, 2},
		{"two relay message options", nest(twice, RelayForward, 2, nil), twice, 2},
		{"option cut off", nest(broken, RelayForward, 2, nil), broken, 2},
		{"relay message of 0 octets", nest(empty, RelayForward, 2, nil), empty, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, depth := tt.m.Innermost()
			if diff := cmp.Diff(tt.want, got); diff != "" || depth != tt.depth {
				t.Errorf("depth %d, want %d; message (-want +got):\n%s", depth, tt.depth, diff)
			}
		})
	}
}

// Nesting like that of CVE-2023-28231, with hop counts that lie: each says 3.
func TestNestingDepths(t *testing.T) {
	t.Parallel()
	rsoo := opt(OptionRSOO, opt(OptionERPLocalDomain, 0)...)
	depths := []int{200, 1700}
	for n := range 41 {
		depths = append(depths, n)
	}
	for _, n := range depths {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			m := nest(solicit(), RelayForward, n, nil)
			inner, depth := m.Innermost()
			want := min(n, MaxNesting)
			if depth != want || inner.IsRelay() != (n > MaxNesting) {
				t.Errorf("Innermost() = %v at depth %d, want depth %d", inner.Type(), depth, want)
			}
			if got := m.HasRSOO(); got != (n > MaxNesting) {
				t.Errorf("HasRSOO() = %v without one, want %v", got, n > MaxNesting)
			}
			if n > MaxNesting {
				return
			}
			for level := 1; level <= n; level++ {
				m := nest(solicit(), RelayForward, n, func(l int) []byte {
					if l == level {
						return rsoo
					}
					return nil
				})
				if !m.HasRSOO() {
					t.Errorf("HasRSOO() = false with one at level %d", level)
				}
			}
		})
	}
}

func TestR6422_2_HasRSOO(t *testing.T) {
	t.Parallel()
	rsoo := opt(OptionRSOO, opt(OptionERPLocalDomain, 0)...)
	with := relayed(RelayForward, rsoo, opt(OptionRelayMsg, solicit()...))
	after := relayed(RelayForward, opt(OptionRelayMsg, solicit()...), rsoo)
	plain := relayed(RelayForward, opt(OptionRelayMsg, solicit()...))
	in := func(m Message) []byte { return opt(OptionRelayMsg, m...) }
	tests := []struct {
		name string
		m    Message
		want bool
	}{
		{"outermost", with, true},
		{"empty", relayed(RelayForward, opt(OptionRSOO), in(solicit())), true},
		{"after the relay message", after, true},
		{"third level", nest(with, RelayForward, 2, nil), true},
		{"third level, after the relay message", nest(after, RelayForward, 2, nil), true},
		{"in the second of two relay messages", relayed(RelayForward, in(plain), in(with)), true},
		{"after a nested message", relayed(RelayForward, in(nest(solicit(), RelayForward, 3, nil)), rsoo), true},
		{"inside a relay-reply", nest(with, RelayReply, 1, nil), true},
		{"cut off", relayed(RelayForward, in(solicit()), cut(OptionRSOO, 99, 0)), true},
		{"swallowed by an option of the level below", relayed(RelayForward, in(relayed(RelayForward, cut(18, len(rsoo)))), rsoo), true},
		{"behind a cut in the level below", relayed(RelayForward, in(relayed(RelayForward, cut(18, 99, 0))), rsoo), true},
		{"none", nest(solicit(), RelayForward, 8, nil), false},
		{"no options", relayed(RelayForward), false},
		{"in the client's message", nest(client(Solicit, rsoo), RelayForward, 1, nil), false},
		{"client message", client(Solicit, rsoo), false},
		{"as data of another option", nest(solicit(), RelayForward, 2, func(int) []byte { return opt(17, rsoo...) }), false},
		{"relay header cut inside", relayed(RelayForward, in(relayed(RelayForward)[:33])), false},
		{"relay message of 0 octets", relayed(RelayForward, in(nil)), false},
		{"in a relay message cut off by its level", relayed(RelayForward,
			in(relayed(RelayForward, cut(OptionRelayMsg, 43))),
			opt(0x0c00, append(make([]byte, 30), rsoo...)...), // reads like a Relay-forward, 43 octets
		), false},
		{"only octets behind a cut", relayed(RelayForward, cut(18, 99), rsoo), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			before := slices.Clone(tt.m)
			if got := tt.m.HasRSOO(); got != tt.want {
				t.Errorf("HasRSOO() = %v, want %v", got, tt.want)
			}
			if diff := cmp.Diff(before, tt.m); diff != "" {
				t.Errorf("the message was changed (-want +got):\n%s", diff)
			}
		})
	}
}
