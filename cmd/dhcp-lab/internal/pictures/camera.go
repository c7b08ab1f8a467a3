package pictures

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"dhcp-relay/cmd/lab/chromium"
)

// shotTime bounds one picture.
const shotTime = time.Minute

// scale is how many pixels a picture has for each of the page: sharp, and small
// enough for a repository.
const scale = 1.25

// A shot says how a page is to be seen.
type shot struct {
	file          string
	width, height int64
	phone, dark   bool
}

// A camera is a browser.
type camera struct {
	browser context.Context
	close   func()
}

func openCamera(ctx context.Context) (*camera, error) {
	profile, err := os.MkdirTemp("", "dhcp-lab-chromium-")
	if err != nil {
		return nil, err
	}
	browser, stop, err := chromium.Start(ctx, profile)
	if err != nil {
		_ = os.RemoveAll(profile)
		return nil, err
	}
	return &camera{browser, func() {
		stop()
		_ = os.RemoveAll(profile) // a leftover in /tmp harms nobody
	}}, nil
}

// page takes a picture of the status page once it lives.
func (c *camera) page(url string, s shot, path string) error {
	scheme := "light"
	if s.dark {
		scheme = "dark"
	}
	return c.take(path, func(ctx context.Context) ([]byte, error) {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		if err != nil {
			return nil, err
		}
		view := []chromedp.EmulateViewportOption{chromedp.EmulateScale(scale)}
		if s.phone {
			view = append(view, chromedp.EmulateMobile)
		}
		err = chromedp.Do(ctx, chromedp.EmulateViewport(s.width, s.height, view...), chromedp.Navigate(url))
		if err != nil {
			return nil, err
		}
		const lives = `document.querySelector("#fresh").textContent.startsWith("Live")`
		if _, err := chromedp.Run(ctx, chromedp.Poll[bool](lives)); err != nil {
			return nil, fmt.Errorf("wait for the page to be filled: %w", err)
		}
		if s.phone {
			return chromedp.Run(ctx, chromedp.CaptureScreenshot())
		}
		// A click of Chromium's own would scroll.
		const open = `for (const i of [0, 3]) document.querySelectorAll("#transactions summary")[i].click(); true`
		if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](open)); err != nil {
			return nil, fmt.Errorf("open transactions: %w", err)
		}
		return chromedp.Run(ctx, chromedp.FullScreenshot(100))
	})
}

// terminal takes a picture of a command and what it prints.
func (c *camera) terminal(args []string, text []byte, path string) error {
	page := `<!doctype html><meta charset="utf-8"><style>
body { margin: 0; width: max-content; background: #16181d; color: #d8dde6; }
pre { margin: 0; padding: 16px 20px; font: 13px/1.35 "DejaVu Sans Mono", monospace; }
b { color: #8fd0a0; }
</style><pre><b># dhcp-relay ` + html.EscapeString(strings.Join(args, " ")) + "</b>\n" + html.EscapeString(string(text)) + `</pre>`
	return c.take(path, func(ctx context.Context) ([]byte, error) {
		url, stop, err := serve(ctx, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, page) // what is missing is seen on the picture
		}))
		if err != nil {
			return nil, err
		}
		defer stop()
		if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
			return nil, err
		}
		size, err := chromedp.Run(ctx, chromedp.Evaluate[[]int64](`(r => [Math.ceil(r.width), Math.ceil(r.height)])(document.querySelector("pre").getBoundingClientRect())`))
		if err != nil {
			return nil, err
		}
		if err := chromedp.Do(ctx, chromedp.EmulateViewport(size[0], size[1], chromedp.EmulateScale(scale))); err != nil {
			return nil, err
		}
		return chromedp.Run(ctx, chromedp.CaptureScreenshot())
	})
}

// take writes what a tab of its own shows.
func (c *camera) take(path string, look func(context.Context) ([]byte, error)) error {
	tab, cancel := chromedp.NewContext(c.browser)
	defer cancel()
	if err := chromedp.Do(tab); err != nil { // the tab lives as long as this context
		return err
	}
	ctx, stop := context.WithTimeout(tab, shotTime)
	defer stop()
	png, err := look(ctx)
	if err != nil {
		return err
	}
	return write(path, png)
}
