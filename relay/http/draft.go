package http

import (
	"bytes"
	"net/http"
)

// maxDrafts is how many answers are made at a time. Making one may take as long
// as a scrape, and many readers must not take the processor from the relay.
const maxDrafts = 2

// A desk is where answers are made, a few at a time; the others wait.
type desk chan struct{}

// wrap returns a handler that answers what h does, once that is whole. A slow client
// keeps nobody waiting.
func (d desk) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := &draft{ResponseWriter: w, code: http.StatusOK}
		if !d.make(answer, h, r) {
			return
		}
		w.WriteHeader(answer.code)
		_, _ = answer.body.WriteTo(w) // an error means that the client has gone
	})
}

// make has h make its answer, and reports whether the client waited for its turn.
func (d desk) make(answer *draft, h http.Handler, r *http.Request) bool {
	select {
	case d <- struct{}{}:
		defer func() { <-d }()
	case <-r.Context().Done():
		return false
	}
	h.ServeHTTP(answer, r)
	return true
}

// A draft is an answer that is not yet sent.
type draft struct {
	http.ResponseWriter // for the header
	code                int
	body                bytes.Buffer
}

// WriteHeader implements http.ResponseWriter.
func (d *draft) WriteHeader(code int) { d.code = code }

// Write implements io.Writer.
func (d *draft) Write(b []byte) (int, error) { return d.body.Write(b) }
