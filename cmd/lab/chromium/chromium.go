// Package chromium starts a Chromium that has no screen, for tests that look at
// pages and for pictures of them. The daemon must not import it.
package chromium

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/chromedp/chromedp"
)

// ErrMissing says that no Chromium is installed.
var ErrMissing = errors.New("needs chromium")

// startTime bounds the start on a busy host.
const startTime = 60 * time.Second

// Start starts Chromium with a profile in an empty directory. It returns the
// context that chromedp.NewContext makes tabs of, and what ends the browser and
// waits for its end. The error is ErrMissing if there is none to start.
func Start(ctx context.Context, profile string) (browser context.Context, stop func(), err error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return nil, nil, ErrMissing
	}
	alloc, release := chromedp.NewExecAllocator(ctx, options(path, profile)...)
	browser, cancel := chromedp.NewContext(alloc)
	stop = func() {
		_ = chromedp.Cancel(browser) // an error means that it has ended already
		cancel()
		release()
	}
	if err := chromedp.Do(browser); err != nil {
		stop()
		return nil, nil, fmt.Errorf("start %s: %w", path, err)
	}
	return browser, stop, nil
}

// options keep Chromium from all that is not the page: other hosts, a GPU, shared
// memory, and the sandbox, which root cannot have.
func options(path, profile string) []chromedp.ExecAllocatorOption {
	flags := []string{
		"headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
		"disable-component-update", "disable-sync", "disable-dev-shm-usage", "disable-default-apps", "disable-extensions",
	}
	all := make([]chromedp.ExecAllocatorOption, 0, 3+len(flags))
	all = append(all, chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.WSURLReadTimeout(startTime))
	for _, f := range flags {
		all = append(all, chromedp.Flag(f, true))
	}
	return all
}
