package http

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"dhcp-relay/relay/api"
	"dhcp-relay/relay/observe/status"
	"dhcp-relay/relay/wire/dhcp"
)

// TestPage looks at the page as its readers do, in Chromium.
func TestPage(t *testing.T) {
	b := browser(t)
	for _, c := range []struct {
		name string
		test func(*testing.T, context.Context)
	}{
		{"it shows what there is", testShows},
		{"it updates itself", testUpdates},
		{"it keeps what the reader does", testKeeps},
		{"it says that the daemon does not answer", testSilence},
		{"it rests while nobody looks", testRests},
		{"it filters", testFilters},
		{"it fits a phone", testPhone},
		{"it can be read in the light and in the dark", testContrast},
		{"it works without a mouse", testKeyboard},
		{"it has a structure to hear", testStructure},
		{"it works without JavaScript", testNoScript},
		{"it shows 4,000 interfaces", testCrowd},
		{"it escapes what others name", testHostile},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, b) })
	}
}

func testShows(t *testing.T, ctx context.Context) {
	b := open(t, ctx, busy(), exchanges(), chromedp.EmulateViewport(1280, 900))
	b.run(chromedp.Click("#t1 summary"), chromedp.Click("#t2 summary"))
	for selector, want := range map[string][]string{
		"header":                {"dhcp-relay router1", "1.2.3", "up 1 d 2 h", "/etc/dhcp-relay/relay.toml loaded"},
		"#findings":             {"ERROR server 10.9.0.3", "None of the last 12 requests was answered.", "See whether the server runs", "WARNING interface vlan20"},
		"#servers":              {"answering It answers.", "99 %", "1.2 ms", "4.8 ms", "1.5 s", "20", "silent", "VRF red"},
		"#interfaces":           {"1 to 3 of 3", "no address", "it has no IPv4 address", "Give it one.", "10.1.0.1", "2001:db8:1::1", "20", "4"},
		"#t1":                   {"answered", "02:00:00:00:00:01", "giaddr 10.1.0.1", "DISCOVER", "OFFER", "REQUEST", "ACK", "gives 10.1.0.100, after 1.2 ms, unicast to 10.1.0.100 02:00:00:00:00:01"},
		"#t2":                   {"dropped", "vlan20", "untrusted_option82", "already contains option 82.", "set trusted = true on this interface."},
		"#t3":                   {"unanswered", "no answer from 2001:db8:9::2", "See whether the server runs and has a route back"},
		"#drops":                {"untrusted_option82", "Set trusted = true.", "IPv4 request", "7 IPv4 messages", "ENETUNREACH", "Add a route."},
		"#groups":               {"campus (IPv4, failover): 10.9.0.2 asked, 10.9.0.3 down"},
		"#overall":              {"✗ Something does not work: 1 error, 1 warning"},
		"[aria-label=Sections]": {"Findings 2", "Servers 2 of 3 well", "Interfaces 1 of 2 well", "Drops 4"},
	} {
		got := strings.Join(strings.Fields(b.text(selector)), " ")
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: no %q in: %s", selector, w, got)
			}
		}
	}
	labels := eval[[]string](b, `[...document.querySelectorAll("#servers svg.spark")].map(e => e.getAttribute("aria-label"))`)
	if want := "last hour: 1 441 of 2 040 requests answered, in the last 5 minutes 0 of 170; 48 a minute at most"; len(labels) != 4 || strings.ReplaceAll(labels[2], "\u202f", " ") != want {
		t.Errorf("last hours: %q", labels)
	}
	b.shot("light")
	b.quiet()
}

func testUpdates(t *testing.T, ctx context.Context) {
	b := open(t, ctx, busy(), exchanges())
	r := busy()
	r.Findings = append(r.Findings[1:], status.Finding{Severity: status.Error, Kind: "interface_down", Subject: "interface vlan10", Text: "It is down.", Do: "Bring it up."})
	r.Servers[1].State, r.Servers[1].Verdict = status.StateAnswering, "It answers again."
	r.Time = noon.Add(5 * time.Second)
	more := exchanges()
	more = append(more, more[0])
	more[3].ID, more[3].Client.MAC = 4, "02:00:00:00:00:04"
	b.relay.set(r, more[1:])
	b.await("the new state", `document.querySelector("#fresh").textContent === "Live, as of 12:00:05"`)
	if got := b.text("#servers"); !strings.Contains(got, "It answers again.") {
		t.Errorf("servers: %s", got)
	}
	ids := eval[[]string](b, `[...document.querySelectorAll(".ladders details")].map(d => d.id)`)
	if want := []string{"t4", "t3", "t2"}; !slices.Equal(ids, want) {
		t.Errorf("transactions %v, want %v", ids, want)
	}
	got := eval[string](b, `document.querySelector("#announce").textContent`)
	for _, want := range []string{"New finding: error interface vlan10", "Bring it up.", "No longer found: server 10.9.0.3"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q is announced: %q", want, got)
		}
	}
	b.quiet()
}

// What is open stays open, what has the focus keeps it, and nothing moves.
func testKeeps(t *testing.T, ctx context.Context) {
	b := open(t, ctx, busy(), exchanges(), chromedp.EmulateViewport(1000, 500))
	// At once: on a busy machine a part of it would be searched for, for which there is nothing.
	const typed = `(() => { const q = document.querySelector("#q-client"); q.value = "02:00"; q.dispatchEvent(new Event("input", { bubbles: true })) })()`
	b.run(chromedp.Click("#t1 summary"), chromedp.Focus("#q-client"), chromedp.Evaluate[chromedp.Void](typed))
	b.run(chromedp.Evaluate[chromedp.Void](`document.querySelector("#t1").scrollIntoView()`))
	const place = `Math.round(document.querySelector("#t1").getBoundingClientRect().top)`
	before := eval[int](b, place)
	more := exchanges()
	for n := range 5 {
		more = append(more, more[1])
		more[len(more)-1].ID, more[len(more)-1].Client.MAC = uint64(10+n), fmt.Sprintf("02:00:00:00:01:%02x", n)
	}
	b.relay.set(busy(), more)
	b.await("more transactions", `document.querySelectorAll(".ladders details").length === 8`)
	if !eval[bool](b, `document.querySelector("#t1").open`) {
		t.Error("what was open is closed")
	}
	if got := eval[string](b, `document.activeElement.id + " " + document.activeElement.value`); got != "q-client 02:00" {
		t.Errorf("focus and text are %q", got)
	}
	if after := eval[int](b, place); max(after-before, before-after) > 2 { // it rounds
		t.Errorf("the page moved by %d pixels", after-before)
	}
	b.quiet()
}

func testSilence(t *testing.T, ctx context.Context) {
	b := open(t, ctx, busy(), nil)
	b.await("the script runs", `document.querySelector("#fresh").classList.contains("live")`)
	b.relay.die(true)
	b.await("a word that nobody answers", `!document.querySelector("#stale").hidden && /^The daemon does not answer\. What you see is [1-9][0-9]* s old\.$/.test(document.querySelector("#stale").innerText)`)
	if got := b.text("#findings"); !strings.Contains(got, "server 10.9.0.3") {
		t.Errorf("what was known is gone: %s", got)
	}
	b.relay.die(false)
	b.await("an answer again", `document.querySelector("#stale").hidden`)
}

func testRests(t *testing.T, ctx context.Context) {
	b := open(t, ctx, busy(), nil)
	const look = `Object.defineProperty(document, "hidden", {get: () => %v, configurable: true}); document.dispatchEvent(new Event("visibilitychange"))`
	b.run(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(look, true)))
	before := b.relay.times()
	<-time.After(2500 * time.Millisecond) // longer than the page waits between two fetches
	if got := b.relay.times(); got != before {
		t.Errorf("it asked %d times while nobody looked", got-before)
	}
	b.run(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(look, false)))
	b.await("a fetch", `document.querySelector("#fresh").textContent.startsWith("Live")`)
	if b.relay.times() == before {
		t.Error("it does not ask when somebody looks again")
	}
	b.quiet()
}

func testFilters(t *testing.T, ctx context.Context) {
	b := open(t, ctx, crowd(120), exchanges())
	b.run(chromedp.SendKeys("#q-name", "VLAN0119"))
	b.await("one interface", `document.querySelectorAll("#interfaces tbody tr").length === 1`)
	if got := b.text("#interfaces tbody"); !strings.Contains(got, "vlan0119") {
		t.Errorf("interfaces: %s", got)
	}
	if got := eval[string](b, `location.search`); got != "?name=VLAN0119" {
		t.Errorf("the address says %q", got)
	}
	b.run(chromedp.Evaluate[chromedp.Void](`document.querySelector("#q-name").value = ""`), chromedp.Click("#q-trouble"))
	b.await("those with trouble", `document.querySelectorAll("#interfaces tbody tr").length === 3`)
	b.run(chromedp.Click("#q-trouble"))
	b.await("all again", `document.querySelector("#shown-interfaces").innerText === "1 to 50 of 120"`)
	b.run(chromedp.Click("#page-after"))
	b.await("the next page", `document.querySelector("#shown-interfaces").innerText === "51 to 100 of 120"`)
	b.run(chromedp.SendKeys("#q-server", "10.9.0.x"))
	b.await("what is wrong with the filter", `(document.querySelector("#filter-error")?.innerText ?? "").includes("want an address such as 10.9.0.2")`)
	b.quiet()
}

func testNoScript(t *testing.T, ctx context.Context) {
	b := open(t, ctx, crowd(120), exchanges())
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	b.run(chromedp.Navigate(b.addr+"/"), chromedp.SendKeys("#q-name", "vlan0119"), chromedp.Submit("#q-name"))
	b.await("what was asked for", `document.querySelector("#shown-interfaces")?.innerText === "1 to 1 of 1"`)
	for selector, want := range map[string]string{
		"#fresh": "anew every ten seconds", "#findings": "server 10.9.0.3", "#servers": "It answers.", "#ladders": "no answer from", "#drops": "Set trusted = true.",
	} {
		if got := b.text(selector); !strings.Contains(got, want) {
			t.Errorf("%s: no %q in: %s", selector, want, got)
		}
	}
	b.quiet()
}

// Most of the time is that of the browser; the bound is loose, for machines
// differ.
func testCrowd(t *testing.T, ctx context.Context) {
	r := crowd(4000)
	for i := range r.Interfaces {
		r.Findings = append(r.Findings, status.Finding{Severity: status.Warn, Kind: "interface_missing", Subject: "interface " + r.Interfaces[i].Name})
		r.Drops = append(r.Drops, status.Drop{Interface: r.Interfaces[i].Name, Family: dhcp.V4, Reason: "no_giaddr"})
	}
	b := open(t, ctx, r, exchanges())
	began := time.Now()
	b.run(chromedp.Reload())
	b.await("the page", `document.querySelector("#shown-interfaces")?.innerText === "1 to 50 of 4000"`)
	loaded := time.Since(began)
	if got := b.text("#interfaces tbody tr"); !strings.Contains(got, "vlan0000") || !strings.Contains(got, "down") {
		t.Errorf("trouble is not first: %s", got)
	}
	for selector, want := range map[string]string{"#findings": "And 3952 more", "#drops": "And 3901 more"} {
		if got := b.text(selector); !strings.Contains(got, want) {
			t.Errorf("%s: no %q", selector, want)
		}
	}
	began = time.Now()
	b.run(chromedp.SendKeys("#q-name", "vlan3999"))
	b.await("one of them", `document.querySelector("#shown-interfaces").innerText === "1 to 1 of 1"`)
	found := time.Since(began)
	t.Logf("loaded in %v, found one in %v", loaded, found)
	if loaded > 5*time.Second || found > 5*time.Second {
		t.Errorf("loaded in %v, found one in %v", loaded, found)
	}
	b.quiet()
}

func testHostile(t *testing.T, ctx context.Context) {
	const bad = `<b>x</b>"'><script>alert(1)</script><img src=http://203.0.113.1/x onerror=alert(1)>`
	r, ts := busy(), exchanges()
	r.Interfaces[1].Name, r.Interfaces[1].Reason, r.Drops[0].Interface, r.Host, r.Version, r.Config.Error = bad, bad, bad, bad, bad, bad
	r.Findings[0].Subject, r.Findings[0].Text, r.Servers[0].VRF, r.SendErrors[0].Error = bad, bad, bad, bad
	ts[0].Interface, ts[0].Client.MAC, ts[0].Steps[1].Message, ts[0].Outcome, ts[0].Cause, ts[0].XID = bad, bad, bad, bad, bad, bad
	b := open(t, ctx, r, ts)
	for _, when := range []string{"as sent", "as put in by the script"} {
		b.run(chromedp.Evaluate[chromedp.Void](`document.querySelector("#t1").open = true`))
		if n := eval[int](b, `document.querySelectorAll("body script, body img, tbody th b").length`); n != 0 {
			t.Errorf("%s: %d elements that nobody made", when, n)
		}
		for _, selector := range []string{"h1", "#about", "#findings", "#interfaces tbody", "#servers tbody", "#drops tbody", "#t1 li:nth-child(2) .note", "#t1 summary"} {
			// A name is shown as it is, but for the message, which is quoted.
			if got := b.text(selector); !strings.Contains(strings.ReplaceAll(got, `\"`, `"`), bad) {
				t.Errorf("%s: %s: not shown as it is: %s", when, selector, got)
			}
		}
		r.Time = noon.Add(time.Minute)
		b.relay.set(r, append(slices.Clone(ts), api.Transaction{ID: 9, Interface: bad, State: api.TransactionState(bad)}))
		b.await("an update", `document.querySelector("#fresh").textContent.endsWith("12:01:00")`)
	}
	b.quiet()
}
