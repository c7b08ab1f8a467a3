package http

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"dhcp-relay/cmd/lab/chromium"
	"dhcp-relay/relay/api"
	"dhcp-relay/relay/observe/status"
	"dhcp-relay/relay/observe/transaction"
)

// bounded is how long one test may take in the browser.
const bounded = 60 * time.Second

// A fake is a relay whose state the tests set.
type fake struct {
	mu           sync.Mutex
	report       status.Report
	transactions []api.Transaction
	asked        int  // how often
	dead         bool // it hangs up on everybody
}

func (f *fake) set(r status.Report, ts []api.Transaction) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.report, f.transactions = r, ts
}

// times returns how often the page was asked for.
func (f *fake) times() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

// die has the relay hang up on everybody, or answer again.
func (f *fake) die(dead bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead = dead
}

func (f *fake) handler() http.Handler {
	mux := NewMux(f.relay(), newGate())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		dead := f.dead
		f.mu.Unlock()
		if dead {
			panic(http.ErrAbortHandler)
		}
		mux.ServeHTTP(w, r)
	})
}

func (f *fake) relay() Relay {
	r := relayOf(status.Report{})
	r.Report = func() status.Report {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.asked++
		return f.report
	}
	r.Transactions = func(transaction.Filter, int) []api.Transaction {
		f.mu.Lock()
		defer f.mu.Unlock()
		return slices.Clone(f.transactions)
	}
	return r
}

// A tab is a page of a browser, which looks at a relay.
type tab struct {
	t     *testing.T
	ctx   context.Context
	relay *fake
	addr  string
	srv   *httptest.Server

	mu       sync.Mutex
	problems []string // what the console says, and what failed
	hosts    map[string]bool
}

// browser starts Chromium, for all tests in it.
func browser(t *testing.T) context.Context {
	t.Helper()
	ctx, stop, err := chromium.Start(context.Background(), t.TempDir())
	switch {
	case errors.Is(err, chromium.ErrMissing) && os.Getenv("RELAY_TEST_NOSKIP") == "":
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return ctx
}

// open looks at a relay in this state. At the test's end the page must have
// asked no other host, and nothing must have gone wrong in it.
func open(t *testing.T, browser context.Context, r status.Report, ts []api.Transaction, first ...chromedp.Action[chromedp.Void]) *tab {
	t.Helper()
	b := &tab{t: t, relay: &fake{report: r, transactions: ts}, hosts: make(map[string]bool)}
	b.srv = httptest.NewServer(b.relay.handler())
	t.Cleanup(b.srv.Close)
	b.addr = b.srv.URL
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // opens the tab, which lives as long as this context
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(ctx, bounded)
	t.Cleanup(stop)
	b.ctx = ctx
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	call(b, network.Enable, network.EnableParams{})
	call(b, log.Enable, cdp.Empty{})
	b.run(first...)
	b.run(chromedp.Navigate(b.addr + "/"))
	return b
}

// hear notes what the tab does.
func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		u, err := url.Parse(e.Request.URL)
		if err != nil {
			b.problems = append(b.problems, err.Error())
			return
		}
		b.hosts[u.Scheme+"://"+u.Host] = true
	case *runtime.EventConsoleAPICalled:
		b.problems = append(b.problems, "console: "+string(e.Type))
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, fmt.Sprint("exception: ", e.ExceptionDetails.Text))
	case *log.EventEntryAdded:
		b.problems = append(b.problems, e.Entry.Text+" "+e.Entry.URL)
	}
}

// quiet fails unless the tab has asked its own host only and had no trouble.
func (b *tab) quiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for h := range b.hosts {
		if h != b.addr {
			b.t.Errorf("a request to %s", h)
		}
	}
	for _, p := range b.problems {
		b.t.Errorf("trouble: %s", p)
	}
}

func (b *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// eval returns what a JavaScript expression yields.
func eval[T any](b *tab, js string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](js))
	if err != nil {
		b.t.Fatalf("%s: %v", js, err)
	}
	return v
}

// await waits until a JavaScript expression holds.
func (b *tab) await(what, js string) {
	b.t.Helper()
	for end := time.Now().Add(60 * time.Second); !eval[bool](b, js); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("not in time: %s\n%s", what, b.text("body"))
		}
	}
}

// text returns what a reader sees of an element.
func (b *tab) text(selector string) string {
	b.t.Helper()
	s := eval[string](b, "document.querySelector("+quote(selector)+").innerText")
	return strings.NewReplacer("\u202f", " ", "\u00a0", " ").Replace(s)
}

func quote(s string) string { return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'" }

func phone() chromedp.Action[chromedp.Void] {
	return chromedp.EmulateViewport(360, 740, chromedp.EmulateScale(2), chromedp.EmulateMobile)
}

// call sends a command of the DevTools protocol.
func call[P, R any](b *tab, c cdp.Command[P, R], params P) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, c, params); err != nil {
		b.t.Fatal(err)
	}
}

// scheme has the reader prefer "light" or "dark".
func (b *tab) scheme(name string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	})
}

// shot writes a picture of the page into the directory RELAY_TEST_SHOTS, if that
// is set.
func (b *tab) shot(name string) {
	b.t.Helper()
	dir := os.Getenv("RELAY_TEST_SHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/"+name+".png", png, 0o600); err != nil {
		b.t.Fatal(err)
	}
}
