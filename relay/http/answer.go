package http

import (
	"bytes"
	"net/http"
)

// maxAnswers is how many answers are made at a time. Making one may take as long
// as a scrape, and many readers must not take the processor from the relay.
const maxAnswers = 2

// A turns lets a few answers be made at a time; the others wait.
type turns chan struct{}

// wrap returns a handler that answers what h does, once that is whole. A slow client
// keeps nobody waiting.
func (t turns) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := &heldAnswer{ResponseWriter: w, code: http.StatusOK}
		if !t.make(answer, h, r) {
			return
		}
		w.WriteHeader(answer.code)
		_, _ = answer.body.WriteTo(w) // an error means that the client has gone
	})
}

// make has h make its answer, and reports whether the client waited for its turn.
func (t turns) make(answer *heldAnswer, h http.Handler, r *http.Request) bool {
	select {
	case t <- struct{}{}:
		defer func() { <-t }()
	case <-r.Context().Done():
		return false
	}
	h.ServeHTTP(answer, r)
	return true
}

// A heldAnswer is not sent before it is whole.
type heldAnswer struct {
	http.ResponseWriter // for the header
	code                int
	body                bytes.Buffer
}

// WriteHeader implements http.ResponseWriter.
func (a *heldAnswer) WriteHeader(code int) { a.code = code }

// Write implements io.Writer.
func (a *heldAnswer) Write(b []byte) (int, error) { return a.body.Write(b) }
