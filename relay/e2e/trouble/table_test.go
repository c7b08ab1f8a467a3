package trouble

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/scene"
)

// A trouble is a scene in which a client gets no address, and what tells why.
type trouble struct {
	name   string
	plan   scene.Plan
	play   func(*bed)
	counts []string // labels of dhcp_relay_messages_total, pairs of name and value: what became of the messages
	words  []string // that status, trace and page each must say; status in one finding, and trace of one transaction
	spread bool     // status says it in several findings
	status []string // that status must say, too; and so on
	trace  []string
	page   []string
}

// atOnce is how many scenes are played at once, however few processors there are:
// most of their time they wait.
const atOnce = 5

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "run" {
		os.Exit(runOld(os.Args[2:]))
	}
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(atOnce)); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// TestCauseIsNamed plays all scenes and prints a table of what was to be said,
// and what was said.
func TestCauseIsNamed(t *testing.T) {
	netns.Require(t)
	path := program(t)
	browser := startBrowser(t)
	var mu sync.Mutex
	rows := make(map[string]string)
	scenes := append(troubles4(), troubles6()...)
	t.Run("scenes", func(t *testing.T) {
		for i, s := range scenes {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				row := s.see(newBed(t, path, i, s.plan), browser)
				mu.Lock()
				defer mu.Unlock()
				rows[s.name] = row
			})
		}
	})
	var table strings.Builder
	for _, s := range scenes {
		table.WriteString("\n" + rows[s.name])
	}
	t.Log(table.String())
}

// see plays a scene and looks at it in each way. It returns the table's row.
func (s *trouble) see(b *bed, browser context.Context) string {
	b.t.Helper()
	s.play(b)
	if len(s.counts) > 0 {
		b.until(1, "dhcp_relay_messages_total", s.counts...)
	}
	tab := b.open(browser)
	var row strings.Builder
	fmt.Fprintf(&row, "%s\n", s.name)
	for _, v := range []struct {
		name  string
		words []string
		whole bool
		look  func() string
	}{
		{"status", s.status, s.spread, func() string { return b.command("status") }},
		{"trace", s.trace, false, func() string { return b.command("trace", "--last", "100") }},
		{"page", s.page, true, tab.text},
	} {
		want := append(append([]string{}, s.words...), v.words...)
		text, missing := await(v.look, func(text string) []string {
			if v.whole {
				return lacking(text, want)
			}
			return append(lackingBlock(text, s.words), lacking(text, v.words)...)
		})
		fmt.Fprintf(&row, "  %-7s expected: %q\n%s", v.name, want, seen(text, want))
		if len(missing) > 0 {
			b.t.Errorf("%s: %s lacks %q\n%s\nall of it:\n%s", s.name, v.name, missing, row.String(), text)
		}
	}
	for _, args := range [][]string{{"status", "--json"}, {"trace", "--last", "100", "--json"}} {
		s.parses(b, args)
	}
	return row.String()
}

// parses fails unless what a command prints is JSON.
func (s *trouble) parses(b *bed, args []string) {
	b.t.Helper()
	out := b.command(args...)
	d := json.NewDecoder(strings.NewReader(out))
	n := 0
	for d.More() {
		var v any
		if err := d.Decode(&v); err != nil {
			b.t.Errorf("%s: %v prints no JSON: %v\n%s", s.name, args, err, out)
			return
		}
		n++
	}
	if n == 0 {
		b.t.Errorf("%s: %v prints nothing", s.name, args)
	}
}

// await looks until no word is lacking, or it has had patience. It returns what it
// saw last and the words that are missing.
func await(look func() string, lacks func(text string) []string) (text string, missing []string) {
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		text = look()
		if missing = lacks(text); len(missing) == 0 || time.Now().After(end) {
			return text, missing
		}
	}
}

// lacking returns the words that a text has not, however its lines are broken.
func lacking(text string, words []string) (out []string) {
	text = flat(text)
	for _, w := range words {
		if !strings.Contains(text, flat(w)) {
			out = append(out, w)
		}
	}
	return out
}

// lackingBlock returns the words that are missing in the block of a text, between
// empty lines, that has most of them.
func lackingBlock(text string, words []string) []string {
	best := words
	for block := range strings.SplitSeq(text, "\n\n") {
		if l := lacking(block, words); len(l) < len(best) {
			best = l
		}
	}
	return best
}

func flat(s string) string { return strings.Join(strings.Fields(s), " ") }

// seen returns the paragraphs of a text that have some of the words.
func seen(text string, words []string) string {
	var out strings.Builder
	for p := range paragraphs(text) {
		if len(lacking(p, words)) < len(words) {
			fmt.Fprintf(&out, "          %s\n", flat(p))
		}
	}
	return out.String()
}

// paragraphs yields the lines of a text, with those that go on from the line
// before joined to it: they are indented as it is, or deeper.
func paragraphs(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		var p string
		depth := 0
		for line := range strings.Lines(text) {
			d := len(line) - len(strings.TrimLeft(line, " "))
			if d >= depth && d > 0 && p != "" && strings.TrimSpace(line) != "" {
				p += line
				continue
			}
			if strings.TrimSpace(p) != "" && !yield(p) {
				return
			}
			p, depth = line, d
		}
		if strings.TrimSpace(p) != "" {
			yield(p)
		}
	}
}
