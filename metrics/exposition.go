//go:build !small

package metrics

import (
	"bytes"
	"io"
	"net/http"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// Handler answers scrapes in the formats of Prometheus and OpenMetrics. Whoever
// serves it compresses the answers, and bounds how many are made at a time.
func (m *Metrics) Handler() http.Handler { return &exposition{m.gatherer} }

// An exposition answers scrapes. It does what promhttp does, but writes while
// it reads: promhttp holds all series of a scrape in memory, which for 4,000
// links is more than the rest of the relay.
type exposition struct{ gatherer *gatherer }

// ServeHTTP answers in the format that the request asks for.
func (e *exposition) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	format := negotiate(r.Header)
	w.Header().Set("Content-Type", string(format))
	w.Header().Add("Vary", "Accept")
	e.write(w, format)
}

// write writes everything. A family that cannot be gathered or written must
// not hide the others, so that errors are passed over; Prometheus notices a
// connection that breaks.
func (e *exposition) write(w io.Writer, format expfmt.Format) {
	enc := encoder{w: w, format: format}
	_ = e.gatherer.stream(enc.encode) // of the runtime and the process, at most
	enc.end()
}

// negotiate returns the text format that the header asks for. The formats that
// frame whole families are not offered, since families come in parts.
func negotiate(h http.Header) expfmt.Format {
	return expfmt.NegotiateAccept(h, expfmt.FmtText, expfmt.FmtOpenMetrics_1_0_0, expfmt.FmtOpenMetrics_0_0_1)
}

// An encoder writes families that come in parts.
type encoder struct {
	w      io.Writer
	format expfmt.Format
	last   string // the name of the family that the previous part was of
	buf    bytes.Buffer
	gone   bool // the client has hung up
}

// encode writes f, without the header if the previous part had it.
func (e *encoder) encode(f *dto.MetricFamily) {
	if e.gone {
		return
	}
	e.buf.Reset()
	if err := expfmt.NewEncoder(&e.buf, e.format).Encode(f); err != nil {
		return
	}
	if f.GetName() == e.last {
		for bytes.HasPrefix(e.buf.Bytes(), []byte("# ")) {
			_, _ = e.buf.ReadBytes('\n') // a line is there
		}
	}
	e.last = f.GetName()
	_, err := e.buf.WriteTo(e.w)
	e.gone = err != nil
}

// end writes what the format wants at the end.
func (e *encoder) end() {
	if c, ok := expfmt.NewEncoder(e.w, e.format).(expfmt.Closer); ok && !e.gone {
		e.gone = c.Close() != nil
	}
}
