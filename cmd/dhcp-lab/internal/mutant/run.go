package mutant

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Options say what to run.
type Options struct {
	Root    string        // directory of the module
	Sample  int           // mutants of each package that compile
	Seed    uint64        // of the sample
	Timeout time.Duration // of one run of a package's tests, at least
	Jobs    int           // mutants at once
	Told    func(*Mutant) // gets each survivor as it is known, one after the other; nil: none
}

// A Fate is what came of a mutant.
type Fate int

// The fates. A mutant that does not compile is no mutant.
const (
	Survived   Fate = iota
	Killed          // a test failed
	Hung            // the tests did not end in time: killed, too
	Rejected        // by the compiler
	Equivalent      // it behaves as the code does, by the list
)

// A Result is the fates of a package's sample.
type Result struct {
	Package   string
	Places    int // mutants that there would be
	Count     [Equivalent + 1]int
	Survivors []Mutant
	Took      time.Duration
}

// Tried returns how many mutants were given to the tests.
func (r *Result) Tried() int { return r.Count[Survived] + r.Count[Killed] + r.Count[Hung] }

// Percent returns how many of those the tests noticed, of a hundred.
func (r *Result) Percent() float64 {
	if r.Tried() == 0 {
		return 0
	}
	return 100 * float64(r.Count[Killed]+r.Count[Hung]) / float64(r.Tried())
}

// A runner tries the mutants of one package.
type runner struct {
	Options

	dir   string        // of the package
	flags []string      // of its tests
	work  string        // for what is built
	limit time.Duration // of one run
}

// Run tries a sample of a package's mutants, which its own tests have to notice.
// The tests must pass as the code is.
func Run(ctx context.Context, o Options, pkg string) (*Result, error) {
	start := time.Now()
	p, err := list(ctx, o.Root, pkg)
	if err != nil {
		return nil, err
	}
	all, err := Find(p.files())
	if err != nil {
		return nil, err
	}
	same, err := equivalents()
	if err != nil {
		return nil, err
	}
	r := &runner{Options: o, dir: p.Dir, limit: o.Timeout}
	if r.work, err = os.MkdirTemp("", "dhcp-lab-mutants-"); err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(r.work) }()
	if err := r.baseline(ctx); err != nil {
		return nil, fmt.Errorf("%s as it is: %w", p.ImportPath, err)
	}
	res := &Result{Package: p.ImportPath, Places: len(all)}
	err = r.sample(ctx, res, Sample(all, o.Seed), same)
	res.Took = time.Since(start)
	return res, err
}

// sample tries mutants until enough of them have compiled.
func (r *runner) sample(ctx context.Context, res *Result, ms []Mutant, same equivalence) error {
	fates := make([]Fate, len(ms))
	errs := make([]error, len(ms))
	for next := 0; next < len(ms) && res.Tried() < r.Sample && ctx.Err() == nil; {
		// As many as lack at most, so that the sample does not depend on who is faster.
		const step = 10
		n := min(r.Sample-res.Tried(), len(ms)-next, step)
		var wg sync.WaitGroup
		turn := make(chan struct{}, max(1, r.Jobs))
		for i := next; i < next+n; i++ {
			turn <- struct{}{}
			wg.Go(func() {
				defer func() { <-turn }()
				if same.has(&ms[i]) {
					fates[i] = Equivalent
					return
				}
				fates[i], errs[i] = r.try(ctx, &ms[i])
			})
		}
		wg.Wait()
		for i := next; i < next+n; i++ {
			res.Count[fates[i]]++
			if fates[i] != Survived || errs[i] != nil {
				continue
			}
			res.Survivors = append(res.Survivors, ms[i])
			if r.Told != nil {
				r.Told(&ms[i])
			}
		}
		if err := errors.Join(errs[next : next+n]...); err != nil {
			return err
		}
		next += n
	}
	return ctx.Err()
}

// program is the name of the tests' program, as the go command has it: tests may
// look for themselves.
func (r *runner) program() string { return filepath.Base(r.dir) + ".test" }

// baseline runs the tests of the code as it is, and takes from them how long they
// may take.
func (r *runner) baseline(ctx context.Context) error {
	bin := filepath.Join(r.work, r.program())
	if out, err := r.build(ctx, bin, ""); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	const noFile = "rapid.nofailfile" // else it notes in the package what failed
	if help, _ := exec.CommandContext(ctx, bin, "-h").CombinedOutput(); bytes.Contains(help, []byte(noFile)) {
		r.flags = append(r.flags, "-"+noFile)
	}
	start := time.Now()
	r.limit = 10 * time.Minute
	out, err := r.test(ctx, bin)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	// On a busy machine they take longer.
	const patience = 8
	r.limit = max(r.Timeout, patience*time.Since(start))
	return os.Remove(bin)
}

// try builds the package with a change and runs its tests.
func (r *runner) try(ctx context.Context, m *Mutant) (Fate, error) {
	src, err := os.ReadFile(m.File)
	if err != nil {
		return Survived, err
	}
	dir, err := os.MkdirTemp(r.work, "")
	if err != nil {
		return Survived, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // the one above goes, too
	at := func(name string) string { return filepath.Join(dir, name) }
	changed, list, bin := at("changed.go"), at("overlay.json"), at(r.program())
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {m.File: changed}})
	if err != nil {
		return Survived, err
	}
	if err := errors.Join(os.WriteFile(changed, m.apply(src), 0o600), os.WriteFile(list, overlay, 0o600)); err != nil {
		return Survived, err
	}
	if _, err := r.build(ctx, bin, list); err != nil {
		return Rejected, ctx.Err()
	}
	_, err = r.test(ctx, bin)
	switch {
	case err == nil:
		return Survived, nil
	case ctx.Err() != nil:
		return Survived, ctx.Err()
	case errors.Is(err, errHung):
		return Hung, nil
	}
	return Killed, nil
}

// build builds the tests of the package.
func (r *runner) build(ctx context.Context, bin, overlay string) ([]byte, error) {
	args := []string{"test", "-c", "-vet=off", "-ldflags=-s -w", "-o", bin}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	c := exec.CommandContext(ctx, "go", append(args, ".")...)
	c.Dir = r.dir
	return c.CombinedOutput()
}

// errHung says that tests did not end in time.
var errHung = errors.New("not ended in time")

// test runs tests up to the first that fails, and ends all that they have started.
func (r *runner) test(ctx context.Context, bin string) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	c := exec.CommandContext(limited, bin, slices.Concat(r.flags, []string{"-test.short", "-test.failfast", "-test.timeout=0"})...)
	c.Dir = r.dir
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = time.Second
	err := c.Run()
	if limited.Err() != nil && ctx.Err() == nil {
		return out.Bytes(), errHung
	}
	return out.Bytes(), err
}

// A listed is what `go list` tells of a package.
type listed struct {
	Dir, ImportPath string
	GoFiles         []string
}

func list(ctx context.Context, root, pkg string) (*listed, error) {
	c := exec.CommandContext(ctx, "go", "list", "-json=Dir,ImportPath,GoFiles", pkg)
	c.Dir, c.Stderr = root, os.Stderr
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", pkg, err)
	}
	p := &listed{}
	return p, json.Unmarshal(out, p)
}

func (p *listed) files() []string {
	files := make([]string, len(p.GoFiles))
	for i, f := range p.GoFiles {
		files[i] = filepath.Join(p.Dir, f)
	}
	return files
}
