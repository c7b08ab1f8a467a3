package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDistortedTestsRunWithoutTheRaceDetector holds the Makefile's second run to the
// tests that count allocations or do less under the race detector.
func TestDistortedTestsRunWithoutTheRaceDetector(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	b, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^DISTORTED := (.*)$`).FindSubmatch(b)
	if m == nil {
		t.Fatal("the Makefile names no tests")
	}
	named := regexp.MustCompile(string(m[1]))
	marks := map[string]bool{"AllocsPerRun": true, "raced": true, "raceDetector": true}
	found := 0
	for _, dir := range []string{"relay", "giaddr", "metrics"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || !strings.HasPrefix(fn.Name.Name, "Test") || !uses(fn, marks) {
					continue
				}
				found++
				if !named.MatchString(fn.Name.Name) {
					t.Errorf("%s: %s would run under the race detector only; DISTORTED in the Makefile names %s", path, fn.Name.Name, named)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 10 {
		t.Errorf("only %d such tests were found", found)
	}
}

// uses reports whether a function has one of the identifiers.
func uses(fn *ast.FuncDecl, names map[string]bool) (found bool) {
	ast.Inspect(fn, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && names[id.Name] {
			found = true
		}
		return !found
	})
	return found
}
