//go:build !small

package http

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"

	"dhcp-relay/relay/text"
)

//go:embed page.html
var pageText string

//go:embed static
var static embed.FS

// policy lets the page have what this server sends, and nothing else, and keeps
// it out of the frames of others.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// pages has mux answer with the status page and what belongs to it.
func (r Relay) pages(mux *http.ServeMux, view func(string, http.HandlerFunc), views *places) {
	view("/{$}", newPage(r).ServeHTTP)
	mux.Handle("GET /static/", views.wrap(files()))
}

// A page is the status page. It is whole as it is sent; its script only fetches
// it anew and puts in what has changed.
type page struct {
	relay    Relay
	template *template.Template
}

func newPage(r Relay) *page {
	return &page{r, template.Must(template.New("page").Funcs(formats()).Parse(pageText))}
}

// ServeHTTP answers with the page as the query asks for it.
func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var b bytes.Buffer
	if err := p.template.Execute(text.Writer{W: &b}, p.view(r.URL.Query())); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	confine(w, r)
	head(w, "text/html; charset=utf-8")
	_, _ = b.WriteTo(w) // an error means that the client has gone
}

// confine keeps a browser from doing with an answer what it is not for.
func confine(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	if r.TLS != nil { // else browsers say that they ignore it
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
	}
}

// files answers with the page's style, script and icon. They are of this build:
// the browser asks again each time.
func files() http.Handler {
	h := http.FileServerFS(static)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		confine(w, r)
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		h.ServeHTTP(w, r)
	})
}
