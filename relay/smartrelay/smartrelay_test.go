package smartrelay

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var mac = []byte{0x02, 0, 0, 0, 0, 1}

func TestAsked(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		after, n int
		answered int // the number of the request that is answered; 0: none
		want     []int
	}{
		{name: "each choice three times, round robin", after: 3, n: 2, want: []int{0, 0, 0, 1, 1, 1, 0, 0, 0, 1}},
		{name: "each choice once", after: 1, n: 3, want: []int{0, 1, 2, 0, 1, 2}},
		{name: "answer on the first choice", after: 2, n: 2, answered: 2, want: []int{0, 0, 0, 0, 1, 1, 0}},
		{name: "answer on the second choice", after: 2, n: 2, answered: 3, want: []int{0, 0, 1, 1, 1, 0, 0}},
		{name: "one choice", after: 1, n: 1, want: []int{0, 0, 0}},
		{name: "no choice", after: 1, n: 0, want: []int{0, 0}},
		{name: "never another choice", after: 0, n: 3, want: []int{0, 0, 0, 0}},
		{name: "nonsense", after: -1, n: -1, want: []int{0, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			table := New(16)
			var got []int
			for i := range tt.want {
				got = append(got, table.asked(7, mac, tt.after, tt.n))
				if i+1 == tt.answered {
					table.answered(7, mac)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("choices (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAskedLimits(t *testing.T) {
	t.Parallel()
	table := New(1)
	for i := range 1 << 12 {
		if got := table.asked(1, mac, 1, 1<<20); got != i {
			t.Fatalf("request %d: choice %d", i, got)
		}
	}
	if got := table.asked(1, mac, 1, 1<<20); got != 0 {
		t.Errorf("after the last choice: %d, want 0", got)
	}
	for i := range 1<<12 - 2 {
		if got := table.asked(1, mac, 1<<20, 2); got != 0 {
			t.Fatalf("request %d: choice %d, want 0", i, got)
		}
	}
	if got := table.asked(1, mac, 1<<20, 2); got != 1 {
		t.Errorf("after 4,095 requests: choice %d, want 1", got)
	}
}

func TestFewerFaces(t *testing.T) {
	t.Parallel()
	table := New(1)
	for range 3 {
		table.asked(1, mac, 1, 3)
	}
	if got := table.asked(1, mac, 9, 2); got != 0 {
		t.Errorf("choice %d of 2", got)
	}
}

// One set for all: a client whose slot others need, and that comes back, is as good as a
// new one.
func TestCollision(t *testing.T) {
	t.Parallel()
	table := New(0)
	other := []byte{0x02, 0, 0, 0, 0, 2}
	for range 2 {
		table.asked(7, mac, 2, 3)
	}
	table.answered(7, other)
	table.answered(8, mac)
	if got := table.asked(7, mac, 2, 3); got != 1 {
		t.Fatalf("choice %d after answers to others, want 1", got)
	}
	if got := table.asked(7, other, 2, 3); got != 0 {
		t.Errorf("another client's choice %d, want 0", got)
	}
	if got := table.asked(8, mac, 2, 3); got != 0 {
		t.Errorf("the same client's choice on another link %d, want 0", got)
	}
	for i := range 100 {
		table.asked(7, client(i), 2, 3)
	}
	if got := table.asked(7, mac, 2, 3); got != 0 {
		t.Errorf("choice %d of a forgotten client, want 0", got)
	}
}

// Who makes up clients on one link makes the table forget hardly any client of others,
// whoever comes first.
func TestOneLinkCannotFlushAnother(t *testing.T) {
	t.Parallel()
	const quiet = 1000
	table := New(1 << 15)
	for i := range quiet {
		table.asked(1, client(i), 1, 2)
		table.asked(1, client(i), 1, 2) // the second choice
	}
	for i := range 300_000 {
		table.asked(2, client(i), 1, 2)
	}
	kept := 0
	for i := range quiet {
		kept += table.current(1, client(i), 2)
	}
	if kept < quiet*99/100 {
		t.Errorf("%d of %d clients are remembered", kept, quiet)
	}
	// They find room also where his are there first.
	for i := range quiet {
		table.asked(3, client(i), 1, 2)
		table.asked(3, client(i), 1, 2)
		table.asked(2, client(300_000+i), 1, 2)
	}
	kept = 0
	for i := range quiet {
		kept += table.current(3, client(i), 2)
	}
	if kept < quiet*95/100 {
		t.Errorf("%d of %d clients that came later are remembered", kept, quiet)
	}
}

// In a table with room the clients do not disturb one another.
func TestManyClients(t *testing.T) {
	t.Parallel()
	const clients = 1000
	table := New(1 << 16)
	kept := 0
	for range 2 {
		for i := range clients {
			kept += table.asked(i%3, client(i), 1, 2)
		}
	}
	// 1,000 of 65,536 slots: about 15 clients share one with another.
	if kept < clients-60 {
		t.Errorf("%d of %d clients were remembered", kept, clients)
	}
}

func TestModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		table := New(1)
		after, n := rapid.IntRange(1, 5).Draw(t, "after"), rapid.IntRange(2, 5).Draw(t, "n")
		chaddr := rapid.SliceOfN(rapid.Byte(), 0, 16).Draw(t, "chaddr")
		link := rapid.Int().Draw(t, "link")
		choice, count := 0, 0
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			if rapid.IntRange(0, 3).Draw(t, "answer") == 0 {
				table.answered(link, chaddr)
				count = 0
				continue
			}
			if count == after {
				choice, count = (choice+1)%n, 0
			}
			count++
			if got := table.asked(link, chaddr, after, n); got != choice {
				t.Fatalf("choice %d, want %d", got, choice)
			}
		}
	})
}

func TestConcurrent(t *testing.T) {
	t.Parallel()
	const rounds, choices = 20000, 4
	table := New(4)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range rounds {
			if got := table.asked(i%5, client(i%7), 2, choices); got < 0 || got >= choices {
				t.Errorf("choice %d of %d", got, choices)
				return
			}
		}
	})
	wg.Go(func() {
		for i := range rounds {
			table.answered(i%5, client(i%7))
		}
	})
	wg.Wait()
}

// No request of several at once is lost from the count.
func TestConcurrentCount(t *testing.T) {
	t.Parallel()
	const each = 1000
	table := New(1)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for range each {
				table.asked(1, mac, 3*each, 2)
			}
		})
	}
	wg.Wait()
	if got := table.asked(1, mac, 3*each, 2); got != 1 {
		t.Errorf("choice %d after %d requests, want 1", got, 3*each)
	}
}

func TestAllocs(t *testing.T) {
	table := New(64)
	if got := testing.AllocsPerRun(1000, func() {
		table.asked(1, mac, 1, 3)
		table.answered(1, mac)
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkTable(b *testing.B) {
	for _, slots := range []int{1 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("slots=%d", slots), func(b *testing.B) {
			table, chaddr := New(slots), client(0)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				binary.BigEndian.PutUint32(chaddr[2:], uint32(i))
				table.asked(7, chaddr, 3, 2)
				table.answered(7, chaddr)
			}
		})
	}
}

func client(i int) []byte {
	return binary.BigEndian.AppendUint32([]byte{0x02, 0}, uint32(i))
}

// remembered counts those of some clients that a table knows: each was asked once,
// so its next request has the second choice.
func remembered(table *Table, clients int, of func(int) (link int, chaddr []byte)) (n int) {
	for i := range clients {
		link, chaddr := of(i)
		n += table.following(link, chaddr, 1, 2)
	}
	return n
}

// Every slot serves, whatever the clients have in common: one link, one vendor,
// or one address on all links.
func TestClientsAreSpread(t *testing.T) {
	t.Parallel()
	const slots, clients = 256, 10 * 256
	for name, of := range map[string]func(int) (int, []byte){
		"one link":                func(i int) (int, []byte) { return 7, client(i) },
		"one address":             func(i int) (int, []byte) { return i, mac },
		"addresses in high octet": func(i int) (int, []byte) { return 7, []byte{byte(i), byte(i >> 8), 0, 0, 0, 0} },
		"links far apart":         func(i int) (int, []byte) { return i << 24, mac },
	} {
		table := New(slots)
		for i := range clients {
			link, chaddr := of(i)
			table.asked(link, chaddr, 1, 2)
		}
		// Ten clients for a slot leave one in 22,000 empty.
		if n := remembered(table, clients, of); n < slots-6 || n > slots {
			t.Errorf("%s: %d of %d slots serve", name, n, slots)
		}
	}
}

// A table has the size that was asked for, 8 octets a slot, or the next power of
// two.
func TestSize(t *testing.T) {
	for slots, want := range map[int]uint64{1 << 15: 1 << 15, 1<<15 + 1: 1 << 16, 1<<16 - 1: 1 << 16, 1 << 16: 1 << 16} {
		least := uint64(1 << 62) // of several, for others allocate, too
		for range 5 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			table := New(slots)
			runtime.ReadMemStats(&after)
			runtime.KeepAlive(table)
			least = min(least, after.TotalAlloc-before.TotalAlloc)
		}
		if least < 8*want || least > 8*want+8*want/8 {
			t.Errorf("%d slots take %d octets, want %d", slots, least, 8*want)
		}
	}
}

// What is not to be noted, is not; and what is asked for without noting is what
// would come.
func TestNothingIsNoted(t *testing.T) {
	t.Parallel()
	table := New(16)
	for range 2 {
		table.asked(7, mac, 1, 3)
	}
	for _, c := range []struct{ after, n int }{{1, 1}, {1, 0}, {1, -1}, {0, 3}, {-1, 3}, {0, 0}} {
		if got := table.following(7, mac, c.after, c.n); got != 0 {
			t.Errorf("after %d of %d choices: next is %d, want 0", c.after, c.n, got)
		}
		if got := table.asked(7, mac, c.after, c.n); got != 0 {
			t.Errorf("after %d of %d choices: %d, want 0", c.after, c.n, got)
		}
		if got := table.current(7, mac, 3); got != 1 {
			t.Fatalf("after %d of %d choices: the client is at choice %d, want 1 as before", c.after, c.n, got)
		}
	}
	for _, n := range []int{2, 3, 4} {
		want := map[int]int{2: 0, 3: 2, 4: 2}[n]
		if got := table.following(7, mac, 1, n); got != want {
			t.Errorf("of %d choices the next is %d, want %d", n, got, want)
		}
	}
	for n, want := range map[int]int{0: 0, 1: 0, 2: 1} {
		if got := table.current(7, mac, n); got != want {
			t.Errorf("of %d choices the client is at %d, want %d", n, got, want)
		}
	}
	if got := table.current(8, mac, 3); got != 0 {
		t.Errorf("on another link the client is at choice %d, want 0", got)
	}
}

// The last of 4,096 choices is reached by Next, too, and after it the first.
func TestNextLimits(t *testing.T) {
	t.Parallel()
	table := New(1)
	for i := range 1<<12 + 1 {
		want := i % (1 << 12)
		if got := table.following(1, mac, 1, 1<<20); got != want {
			t.Fatalf("request %d: next is choice %d, want %d", i, got, want)
		}
		table.asked(1, mac, 1, 1<<20)
	}
}
