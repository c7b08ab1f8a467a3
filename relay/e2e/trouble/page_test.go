package trouble

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"dhcp-relay/cmd/lab/chromium"
	"dhcp-relay/cmd/lab/netns"
)

// pageAddr is where a relay shows its status page, in its namespace.
const pageAddr = "127.0.0.1:9867"

// startBrowser starts the one Chromium that looks at all relays.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	ctx, stop, err := chromium.Start(context.WithoutCancel(t.Context()), t.TempDir())
	if errors.Is(err, chromium.ErrMissing) {
		netns.Skip(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return ctx
}

// forward lets the browser, which is outside, reach the page of the relay in a
// namespace. It returns the page's address.
func forward(t *testing.T, ns *netns.NS) string {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() {
		_ = ln.Close()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { join(t.Context(), c, ns) })
		}
	})
	return "http://" + ln.Addr().String() + "/"
}

// join copies between a connection and one into the namespace until either ends.
// What is lost on the way, the browser notices.
func join(ctx context.Context, near net.Conn, ns *netns.NS) {
	defer func() { _ = near.Close() }()
	var far net.Conn
	err := ns.Do(func() (err error) {
		far, err = new(net.Dialer).DialContext(ctx, "tcp4", pageAddr)
		return err
	})
	if err != nil {
		return
	}
	defer func() { _ = far.Close() }()
	stop := context.AfterFunc(ctx, func() { _, _ = near.Close(), far.Close() })
	defer stop()
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(far, near)
		_ = far.Close()
		close(done)
	}()
	_, _ = io.Copy(near, far)
	_ = near.Close()
	<-done
}

// A tab shows the page of one relay, which updates itself.
type tab struct {
	b   *bed
	ctx context.Context
}

func (b *bed) open(browser context.Context) *tab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	b.t.Cleanup(cancel)
	b.must(chromedp.Do(ctx)) // opens the tab, which lives as long as this context
	ctx, stop := context.WithTimeout(ctx, 2*patience)
	b.t.Cleanup(stop)
	b.must(chromedp.Do(ctx, chromedp.Navigate(b.page)))
	return &tab{b, ctx}
}

// text returns what a reader sees of the page.
func (t *tab) text() string {
	t.b.t.Helper()
	s, err := chromedp.Run(t.ctx, chromedp.Evaluate[string]("document.body.innerText"))
	t.b.must(err)
	return strings.ReplaceAll(s, "\u202f", " ")
}
