package mutant

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const source = `package p

const limit = 3

type grid [4]int

func Less(a, b int) bool {
	if !(a < b && true) {
		return false
	}
	n := 0
	for range b {
		n++
		continue
	}
	note(n + 0x10)
	_ = n
	return n == b
}

func note(int) {}
`

func TestFind(t *testing.T) {
	t.Parallel()
	ms, err := find("p.go", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range ms {
		got = append(got, strings.TrimPrefix(ms[i].In("."), "p.go:"))
	}
	want := []string{
		`3: limit: "3" becomes "4"`,
		`16: Less: "note(n + 0x10)" is left out`,
		`8: Less: "!(a < b && true)" becomes "!(!(a < b && true))"`,
		`8: Less: "!" is left out`,
		`8: Less: "&&" becomes "||"`,
		`8: Less: "<" becomes "<="`,
		`8: Less: "<" becomes ">="`,
		`8: Less: "true" becomes "false"`,
		`9: Less: "false" becomes "true"`,
		`11: Less: "0" becomes "1"`,
		`13: Less: "n++" is left out`,
		`13: Less: "++" becomes "--"`,
		`14: Less: "continue" becomes "break"`,
		`16: Less: "+" becomes "-"`,
		`16: Less: "0x10" becomes "17"`,
		`18: Less: "==" becomes "!="`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mutants (-want +got):\n%s", diff)
	}
	for i := range ms {
		if b := ms[i].apply([]byte(source)); len(b) != len(source)-len(ms[i].Old)+len(ms[i].New) {
			t.Errorf("%s: %d octets", ms[i].In("."), len(b))
		}
	}
}

// The sample of code that stays, stays, whatever is written before it.
func TestSampleStays(t *testing.T) {
	t.Parallel()
	keys := func(src string, seed uint64) (out []string) {
		file := filepath.Join(t.TempDir(), "p.go")
		if err := os.WriteFile(file, []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
		ms, err := Find([]string{file})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range Sample(ms, seed) {
			if m.Func != "Before" {
				out = append(out, m.key())
			}
		}
		return out
	}
	before := strings.Replace(source, "const", "func Before(a int) bool { return a > 7 }\n\nconst", 1)
	if diff := cmp.Diff(keys(source, 1), keys(before, 1)); diff != "" {
		t.Errorf("the sample is another (-want +got):\n%s", diff)
	}
	if slices.Equal(keys(source, 1), keys(source, 2)) {
		t.Error("another seed gives the same sample")
	}
}

// module writes a module whose tests hold some of what it does.
func module(t *testing.T, test string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module m\n\ngo 1.24\n", "p.go": source, "p_test.go": test} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestRun(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds many programs")
	}
	dir := module(t, `package p

import "testing"

func TestLess(t *testing.T) {
	if !Less(1, 2) || Less(2, 1) || Less(2, 2) {
		t.Error("wrong")
	}
}
`)
	o := Options{Root: dir, Sample: 100, Timeout: time.Minute, Jobs: 2}
	r, err := Run(t.Context(), o, ".")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range r.Survivors {
		m := &r.Survivors[i]
		got = append(got, m.Func+" "+m.Rule+" "+m.New)
	}
	slices.Sort(got)
	// The constant is of no use, and neither is what note is told.
	want := []string{"Less + -", "Less number 17", "Less statement ", "limit number 4"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("survivors (-want +got):\n%s", diff)
	}
	if r.Tried() != r.Places || r.Count[Killed] != 12 || r.Percent() != 75 {
		t.Errorf("%d of %d tried, %d killed, %.1f %%", r.Tried(), r.Places, r.Count[Killed], r.Percent())
	}
	o.Sample = 5
	if r, err = Run(t.Context(), o, "."); err != nil || r.Tried() != 5 {
		t.Errorf("%v, sample of %d", err, r.Tried())
	}
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	o := Options{Sample: 1, Timeout: time.Minute}
	o.Root = module(t, "package p\n\nimport \"testing\"\n\nfunc TestX(t *testing.T) { t.Error(\"sick\") }\n")
	if _, err := Run(t.Context(), o, "."); err == nil || !strings.Contains(err.Error(), "as it is") {
		t.Errorf("tests that fail anyhow: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, o, "."); err == nil {
		t.Error("interrupted: no error")
	}
}

// A mutant that never ends is one that was noticed.
func TestHung(t *testing.T) {
	t.Parallel()
	r := &runner{limit: 100 * time.Millisecond, dir: t.TempDir()}
	bin := filepath.Join(r.dir, "sleeper")
	if err := os.WriteFile(bin, []byte("#!/bin/sh\nsleep 60 & wait\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := r.test(t.Context(), bin); !errors.Is(err, errHung) || time.Since(start) > 20*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}

func TestEquivalents(t *testing.T) {
	t.Parallel()
	if _, err := equivalents(); err != nil {
		t.Error(err)
	}
	if _, err := parseEquivalents("relay/p.go\tif a < b {\t<\t<=\t"); err == nil {
		t.Error("took a line without a reason")
	}
	e, err := parseEquivalents("# comment\nrelay/p.go\tif a < b {\t<\t<=\tbecause\n")
	if err != nil {
		t.Fatal(err)
	}
	m := Mutant{File: "/somewhere/relay/p.go", Text: "if a < b {", Old: "<", New: "<="}
	if !e.has(&m) {
		t.Error("not found")
	}
	m.File = "/somewhere/else/p.go"
	if e.has(&m) {
		t.Error("found in another file")
	}
}
