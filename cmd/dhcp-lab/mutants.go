package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"dhcp-relay/cmd/dhcp-lab/internal/mutant"
)

// errBar says that tests notice too little.
var errBar = errors.New("tests notice less than they have to")

// newMutantsCommand returns the command that tells what tests do not notice.
func newMutantsCommand() *cobra.Command {
	o := mutant.Options{Jobs: runtime.GOMAXPROCS(0)}
	var bar float64
	c := &cobra.Command{
		Use:   "mutants PACKAGE...",
		Short: "Break packages in one place at a time, and see whether their own tests notice",
		Long: "Mutants takes a sample of small changes of each package: another comparison or\n" +
			"operator, a condition negated, a number one larger, a statement left out. It builds\n" +
			"the package with each, runs the package's own tests, and lists the changes that they\n" +
			"did not notice. What does not compile is not counted. A change that cannot be seen\n" +
			"stands with the reason in cmd/dhcp-lab/internal/mutant/equivalent.tsv. The tests\n" +
			"want root where they make network namespaces. It fails if they notice less than the\n" +
			"bar of any package.",
		Args:         cobra.MinimumNArgs(1),
		SilenceUsage: true,
		RunE: func(c *cobra.Command, pkgs []string) error {
			return runMutants(c.Context(), o, pkgs, bar, c.OutOrStdout())
		},
	}
	f := c.Flags()
	f.StringVar(&o.Root, "module", ".", "directory of the module")
	f.IntVar(&o.Sample, "sample", 80, "how many changes of each package to try")
	f.Uint64Var(&o.Seed, "seed", 1, "which sample")
	f.Float64Var(&bar, "bar", 85, "how many of a hundred the tests have to notice")
	f.DurationVar(&o.Timeout, "timeout", 30*time.Second, "how long the tests may run, at least; what takes longer is noticed")
	f.IntVar(&o.Jobs, "jobs", o.Jobs, "how many changes to try at once")
	return c
}

// runMutants tries the packages one after the other, and prints a line of each.
func runMutants(ctx context.Context, o mutant.Options, pkgs []string, bar float64, w io.Writer) error {
	dir, err := filepath.Abs(o.Root)
	if err != nil {
		return err
	}
	o.Told = func(m *mutant.Mutant) { fmt.Fprintln(w, " ", m.In(dir)) }
	low := false
	for _, pkg := range pkgs {
		r, err := mutant.Run(ctx, o, pkg)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s: %d of %d noticed, %.1f %%: %d by a test, %d by time; %d not compiled, %d equivalent, of %d; %v\n",
			r.Package, r.Count[mutant.Killed]+r.Count[mutant.Hung], r.Tried(), r.Percent(), r.Count[mutant.Killed], r.Count[mutant.Hung],
			r.Count[mutant.Rejected], r.Count[mutant.Equivalent], r.Places, r.Took.Round(time.Second))
		low = low || r.Percent() < bar
	}
	if low {
		return fmt.Errorf("%w: %.0f %%", errBar, bar)
	}
	return nil
}
