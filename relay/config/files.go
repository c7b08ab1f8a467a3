package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// A File is one file of a configuration.
type File struct {
	Name string
	Data []byte
}

// besideDir holds further files of the configuration, beside the file that is named.
const besideDir = "conf.d"

// Beside lists the files of conf.d beside a configuration file, as they are read: by
// name, those of TOML and JSON that are not hidden.
func Beside(path string) ([]string, error) {
	dir := filepath.Join(filepath.Dir(path), besideDir)
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return nil, nil
	case err != nil:
		return nil, err
	}
	var names []string
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		if !strings.HasPrefix(e.Name(), ".") && (ext == ".toml" || ext == ".json") {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	return names, nil
}

// ReadFiles returns what the configuration file at path says, and what those of conf.d
// beside it say.
func ReadFiles(path string) ([]File, error) {
	beside, err := Beside(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	var files []File
	total := 0
	for _, name := range append([]string{path}, beside...) {
		data, err := Read(name)
		if err != nil {
			return nil, err
		}
		files = append(files, File{name, data})
		if total += len(data); total > maxFile {
			return nil, fmt.Errorf("read the configuration: %s: the files up to here have more than %d MiB", name, maxFile>>20)
		}
	}
	return files, nil
}

// gather reads the files into one tree of values. What can be written once is in one
// of them; lists of tables go on from file to file.
func (r *reader) gather(files []File) map[string]any {
	all := make(map[string]any)
	r.src.marks, r.src.tree = make(map[string]mark), all
	for n, f := range files {
		text := strings.TrimPrefix(string(f.Data), "\ufeff")
		p := parse(f.Name, text)
		r.src.parts = append(r.src.parts, part{file: f.Name, text: p.text, first: make(map[string]int)})
		for _, b := range p.flaws {
			r.bad = append(r.bad, b.path)
			r.problems = append(r.problems, Problem{File: f.Name, Line: b.line, Col: b.col, Key: b.path, Text: b.say, Hint: b.hint})
		}
		r.lost = r.lost || p.lost
		r.join(all, p.tree, p.marks, n)
	}
	return all
}

// join adds what one file says.
func (r *reader) join(all, tree map[string]any, marks map[string]mark, n int) {
	here := source{parts: r.src.parts, marks: marks}
	for path, m := range marks {
		m.part = n
		marks[path] = m
	}
	for _, key := range slices.Sorted(maps.Keys(tree)) {
		former, given := all[key]
		if !given {
			all[key] = tree[key]
			continue
		}
		before, list := tables(former)
		more, listed := tables(tree[key])
		if !list || !listed {
			r.bad = append(r.bad, key)
			r.problems = append(r.problems, here.problem(key, true, key+" is already in "+r.src.place(key), "write it in one of both"))
			continue
		}
		all[key] = append(before, more...)
		r.src.parts[n].first[key] = len(before)
	}
	for path, m := range marks {
		path = r.src.parts[n].global(path)
		if _, ok := r.src.marks[path]; !ok {
			r.src.marks[path] = m
		}
	}
}

// tables returns the elements of a list of tables.
func tables(v any) (all []any, ok bool) {
	switch l := v.(type) {
	case []map[string]any:
		for _, e := range l {
			all = append(all, e)
		}
		return all, true
	case []any:
		for _, e := range l {
			if _, ok := e.(map[string]any); !ok {
				return nil, false
			}
		}
		return l, true
	}
	return nil, false
}

// Socket returns where a configuration has the daemon listen for commands, and whether
// it says so at all. It reads nothing else: the daemon can be asked above all while the
// rest is wrong.
func Socket(path string) (socket string, given bool, err error) {
	files, err := ReadFiles(path)
	if err != nil {
		return "", false, err
	}
	for _, f := range files {
		control, _ := parse(f.Name, string(f.Data)).tree["control"].(map[string]any)
		if s, ok := control["socket"].(string); ok {
			return s, true, nil
		}
	}
	return "", false, nil
}

// ReadAs reads a configuration from in, to be judged as if it was the file called name:
// with what stands in conf.d beside that, or in place of the file of this name there.
func ReadAs(name string, in io.Reader) ([]File, error) {
	data, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the configuration: %w", err)
	case len(data) > maxFile:
		return nil, fmt.Errorf("read the configuration: %s: it has more than %d MiB", name, maxFile>>20)
	case name == "":
		return []File{{"standard input", data}}, nil
	}
	first := name
	if dir := filepath.Dir(name); filepath.Base(dir) == besideDir {
		first = filepath.Join(filepath.Dir(dir), "relay.toml")
	}
	beside, err := Beside(first)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	if first != name && !slices.Contains(beside, name) {
		beside = append(beside, name)
		slices.Sort(beside)
	}
	var files []File
	for _, f := range append([]string{first}, beside...) {
		text := data
		if f != name {
			if text, err = Read(f); err != nil {
				return nil, err
			}
		}
		files = append(files, File{f, text})
	}
	return files, nil
}
