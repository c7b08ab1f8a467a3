package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"dhcp-relay/relay/text"
)

// watchEvery is how often status --watch looks.
const watchEvery = 2 * time.Second

// clearScreen has a terminal forget what it shows.
const clearScreen = "\x1b[H\x1b[2J"

// repeat shows what look writes, again and again, until ctx ends: on a terminal in one
// place. What keeps it from looking is shown as well, and passes.
func repeat(ctx context.Context, out io.Writer, every time.Duration, look func(io.Writer) error) error {
	screen := isTerminal(out)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		var b bytes.Buffer
		err := look(&b)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			fmt.Fprintf(&b, "%s: %v\n", time.Now().Format("15:04:05 MST"), err)
		}
		if screen {
			if _, err := io.WriteString(out.(text.Writer).W, clearScreen); err != nil {
				return err
			}
		}
		if _, err := out.Write(b.Bytes()); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if !screen {
			fmt.Fprintln(out)
		}
	}
}

// isTerminal reports whether what a command writes is seen as it is written.
func isTerminal(out io.Writer) bool {
	w, ok := out.(text.Writer)
	if !ok {
		return false
	}
	f, ok := w.W.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
