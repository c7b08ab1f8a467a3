package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"dhcp-relay/cmd/dhcp-lab/internal/conformance"
)

// newConformanceCommand returns the command that prints which requirements the
// tests show.
func newConformanceCommand() *cobra.Command {
	var jsonTo string
	c := &cobra.Command{
		Use:   "conformance [FILE|-]...",
		Short: "Print which requirements the tests show",
		Long: "Conformance reads the output of `go test -json` from the files, or runs the tests\n" +
			"of the module itself if there are none, and prints for every requirement of the\n" +
			"RFCs the tests that carry its identifier in their names and whether they passed,\n" +
			"how many of them were skipped, in what the relay deviates and why, and what is\n" +
			"not built. Results of vm-test --json count, too. It fails if a requirement that is\n" +
			"due is not shown.",
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			rs := conformance.Results{}
			if err := readResults(cmd, rs, args); err != nil {
				return err
			}
			return printReport(cmd.OutOrStdout(), rs, jsonTo)
		},
	}
	c.Flags().StringVar(&jsonTo, "json", "", "write the table as JSON to this file as well, or to standard output alone with -")
	return c
}

// readResults reads the files, or runs the tests if there are none.
func readResults(cmd *cobra.Command, rs conformance.Results, files []string) error {
	if len(files) == 0 {
		return runTests(cmd, rs)
	}
	for _, name := range files {
		if name == "-" {
			if err := rs.Read(cmd.InOrStdin()); err != nil {
				return fmt.Errorf("read standard input: %w", err)
			}
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := rs.Read(bytes.NewReader(b)); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
	}
	return nil
}

// runTests runs the tests of the module in the working directory. That some
// fail is no error here: the table tells.
func runTests(cmd *cobra.Command, rs conformance.Results) error {
	var out bytes.Buffer
	c := exec.CommandContext(cmd.Context(), "go", "test", "-json", "-count=1", "./...")
	c.Stdout, c.Stderr = &out, cmd.ErrOrStderr()
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return fmt.Errorf("run the tests: %w", err)
	}
	return rs.Read(&out)
}

// printReport writes the table, and fails if it is not all green.
func printReport(w io.Writer, rs conformance.Results, jsonTo string) error {
	if len(rs) == 0 {
		return errors.New("no test results: give the output of `go test -json`")
	}
	rep := rs.Report(conformance.Requirements())
	if jsonTo != "-" {
		if err := rep.Print(w); err != nil {
			return err
		}
	}
	if jsonTo != "" {
		b, err := json.MarshalIndent(rep, "", "  ")
		if err != nil {
			return err
		}
		b = append(b, '\n')
		if jsonTo == "-" {
			_, err = w.Write(b)
		} else {
			err = os.WriteFile(jsonTo, b, 0o644)
		}
		if err != nil {
			return err
		}
	}
	if bad := rs.FailedPackages(); len(bad) > 0 {
		return fmt.Errorf("tests failed in %s", strings.Join(bad, ", "))
	}
	if !rep.OK() {
		return errors.New("requirements failed or are missing")
	}
	return nil
}
