package http

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"sync"
)

// maxAnswers is how many answers are made at a time. Making one may take as long
// as a scrape, and many readers must not take the processor from the relay.
const maxAnswers = 2

// A press makes answers, a few at a time; the others wait.
type press struct {
	slots chan struct{}
	packs sync.Pool // of *gzip.Writer
}

func newPress() *press { return &press{slots: make(chan struct{}, maxAnswers)} }

// wrap returns a handler that answers what h does, compressed if the client can
// read that. A slow client keeps nobody waiting.
func (p *press) wrap(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case p.slots <- struct{}{}:
		case <-r.Context().Done():
			return
		}
		d := p.draft(w, h, r)
		<-p.slots
		w.WriteHeader(d.code)
		_, _ = d.body.WriteTo(w) // an error means that the client has gone
	})
}

// draft has h make its answer.
func (p *press) draft(w http.ResponseWriter, h http.HandlerFunc, r *http.Request) *draft {
	d := &draft{ResponseWriter: w, code: http.StatusOK}
	d.to = &d.body
	w.Header().Set("Vary", "Accept-Encoding")
	if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h(d, r)
		return d
	}
	w.Header().Set("Content-Encoding", "gzip")
	z := p.pack(&d.body)
	d.to = z
	h(d, r)
	_ = z.Close() // a buffer takes everything
	p.packs.Put(z)
	return d
}

// pack returns a writer at the level that costs least: pages and lists repeat
// themselves so much that they shrink to a tenth even so.
func (p *press) pack(w io.Writer) *gzip.Writer {
	if z, ok := p.packs.Get().(*gzip.Writer); ok {
		z.Reset(w)
		return z
	}
	z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // fails for an unknown level only
	return z
}

// A draft is an answer that is not yet sent.
type draft struct {
	http.ResponseWriter // for the header
	code                int
	to                  io.Writer
	body                bytes.Buffer
}

// WriteHeader implements http.ResponseWriter.
func (d *draft) WriteHeader(code int) { d.code = code }

// Write implements io.Writer.
func (d *draft) Write(b []byte) (int, error) { return d.to.Write(b) }
