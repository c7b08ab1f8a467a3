package http

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// A page is no wider than a phone, however long the names are.
func testPhone(t *testing.T, ctx context.Context) {
	r, ts := busy(), exchanges()
	long := strings.Repeat("x", 250)
	r.Interfaces[0].Name, r.Interfaces[0].Reason = long, long
	r.Host, r.Config.File, r.Drops[0].Interface, r.Findings[0].Text = long, "/"+long, long, long
	ts[0].Client.ClientID, ts[0].Steps[1].Message, ts[0].Interface = long, long, long
	b := open(t, ctx, r, ts, phone())
	b.run(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(d => d.open = true)`))
	for _, width := range []int64{320, 360, 600, 1120, 1232, 1233, 1280} {
		b.run(chromedp.EmulateViewport(width, 740))
		if got := eval[int64](b, `document.documentElement.scrollWidth`); got > width {
			t.Errorf("%d pixels wide on a screen of %d: %v", got, width, eval[[]string](b, fmt.Sprintf(
				`[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > %d + 1).map(e => e.tagName + "." + e.className + "#" + e.id)`, width)))
		}
	}
	b.quiet()
	b = open(t, ctx, busy(), exchanges(), phone())
	b.scheme("dark")
	b.run(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(d => d.open = true)`))
	b.shot("phone")
	b.quiet()
}

// contrasts returns what text has too little contrast with what is behind it
// (WCAG 2.2, 1.4.3), after it has looked at all text that is seen.
const contrasts = `(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const rgba = (c) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => { const l = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; return 0.2126 * l(r) + 0.7152 * l(g) + 0.0722 * l(b); };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)]; return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05); };
  const behind = (e) => { for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); if (c[3] === 255) return c; if (c[3] !== 0) return null; } return [255, 255, 255]; };
  const low = []; let seen = 0;
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.nodeValue.trim()) || e.matches("input:not([type=hidden]), select");
    if (!own || !e.checkVisibility() || e.matches(".away")) continue;
    seen++;
    const style = getComputedStyle(e), back = behind(e);
    for (const c of [style.color, e.matches("input") ? getComputedStyle(e, "::placeholder").color : style.color]) {
      const r = back && ratio(rgba(c), back);
      if (!back || r < 4.5) low.push(e.tagName + "." + e.className + " " + c + " " + r);
    }
  }
  return {seen, low, paper: getComputedStyle(document.body).backgroundColor};
})()`

func testContrast(t *testing.T, ctx context.Context) {
	b := open(t, ctx, busy(), exchanges(), chromedp.EmulateViewport(1280, 900))
	b.run(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(d => d.open = true); const s = document.querySelector("#stale"); s.hidden = false; s.textContent = "old"`))
	papers := make(map[string]string)
	for _, name := range []string{"light", "dark"} {
		b.scheme(name)
		got := eval[struct {
			Seen  int
			Low   []string
			Paper string
		}](b, contrasts)
		if got.Seen < 100 {
			t.Errorf("%s: only %d texts were looked at", name, got.Seen)
		}
		for _, l := range got.Low {
			t.Errorf("%s: too little contrast: %s", name, l)
		}
		papers[name] = got.Paper
		b.shot(name + "-open")
	}
	if papers["light"] == papers["dark"] {
		t.Errorf("the dark is as the light: %v", papers)
	}
	b.quiet()
}

// Everything that can be used is reached by Tab, in the order of the page, and
// shows that it has the focus.
func testKeyboard(t *testing.T, ctx context.Context) {
	b := open(t, ctx, crowd(60), exchanges(), chromedp.EmulateViewport(1280, 900))
	all := eval[[]string](b, `(() => { window.name_ = (e) => e.tagName + " " + (e.id || e.getAttribute("href") || e.parentElement.id || e.form?.getAttribute("action") || e.textContent.trim());
		return [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, summary")].map(name_); })()`)
	var reached []string
	for range len(all) {
		b.run(chromedp.KeyEvent("\t"))
		reached = append(reached, eval[string](b, `name_(document.activeElement)`))
		if !eval[bool](b, `(() => { const s = getComputedStyle(document.activeElement); return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2; })()`) {
			t.Errorf("the focus on %s is not seen", reached[len(reached)-1])
		}
	}
	if !slices.Equal(all, reached) {
		t.Errorf("reached\n%q, want\n%q", reached, all)
	}
	if len(all) < 15 {
		t.Errorf("only %d things to use: %q", len(all), all)
	}
	b.run(chromedp.Focus("#t1 summary"), chromedp.KeyEvent("\r"))
	if !eval[bool](b, `document.querySelector("#t1").open`) {
		t.Error("Enter does not open a ladder")
	}
	b.run(chromedp.Focus(".skip"), chromedp.KeyEvent("\r"))
	if got := eval[string](b, `document.activeElement.id`); got != "main" {
		t.Errorf("the skip link leads to %q", got)
	}
	b.quiet()
}

func testStructure(t *testing.T, ctx context.Context) {
	b := open(t, ctx, busy(), exchanges())
	for what, js := range map[string]string{
		"one h1, then h2, h3 below": `(() => { const l = [...document.querySelectorAll("h1, h2, h3")].map(h => +h.tagName[1]); return l[0] === 1 && l.lastIndexOf(1) === 0 && l.every((n, i) => i === 0 || n <= l[i - 1] + 1); })()`,
		"landmarks":                 `["header", "nav[aria-label]", "main", "footer"].every(s => document.querySelector(s))`,
		"sections have names":       `[...document.querySelectorAll("section")].every(s => document.getElementById(s.getAttribute("aria-labelledby")).textContent)`,
		"tables have captions":      `[...document.querySelectorAll("table")].every(t => t.caption?.textContent.trim()) && document.querySelectorAll("table").length === 3`,
		"rows have headers":         `[...document.querySelectorAll("tbody tr")].every(r => r.querySelector("th[scope=row]")) && [...document.querySelectorAll("thead th")].every(h => h.scope === "col")`,
		"fields have labels":        `[...document.querySelectorAll("input:not([type=hidden]), select")].every(i => i.labels.length === 1 && i.labels[0].textContent.trim())`,
		"names are unique":          `(() => { const l = [...document.querySelectorAll("[id]")].map(e => e.id); return new Set(l).size === l.length; })()`,
		"news is told":              `document.querySelector("#announce[aria-live=polite]") && document.querySelector("#stale[role=alert]") !== null`,
		"a language":                `document.documentElement.lang === "en"`,
		"a ladder is a list":        `document.querySelector("#t1 ol.ladder li .away").textContent === "DISCOVER from the client, relayed to 10.9.0.2, 10.9.0.3"`,
	} {
		if !eval[bool](b, js) {
			t.Errorf("not so: %s", what)
		}
	}
	b.quiet()
}
