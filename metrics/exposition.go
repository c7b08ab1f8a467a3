package metrics

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"sync"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// maxScrapes is how many scrapes are answered at a time.
const maxScrapes = 4

// Handler answers scrapes in the formats of Prometheus and OpenMetrics.
func (m *Metrics) Handler() http.Handler {
	return &exposition{gatherer: m.gatherer, slots: make(chan struct{}, maxScrapes)}
}

// An exposition answers scrapes. It does what promhttp does, but writes while
// it reads: promhttp holds all series of a scrape in memory, which for 4,000
// links is more than the rest of the relay.
type exposition struct {
	gatherer *gatherer
	slots    chan struct{} // one for each scrape at a time
	gzips    sync.Pool     // of *gzip.Writer
}

// ServeHTTP answers in the format and encoding that the request asks for.
func (e *exposition) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
	default:
		http.Error(w, "too many scrapes at once", http.StatusServiceUnavailable)
		return
	}
	format := negotiate(r.Header)
	w.Header().Set("Content-Type", string(format))
	w.Header().Set("Vary", "Accept, Accept-Encoding")
	if !acceptsGzip(r.Header) {
		e.write(w, format)
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	z := e.gzip(w)
	e.write(z, format)
	_ = z.Close() // the client has gone
	e.gzips.Put(z)
}

// gzip returns a writer at the level that costs least: the series of one
// interface are so alike that the text shrinks to a thirtieth even so.
func (e *exposition) gzip(w io.Writer) *gzip.Writer {
	if z, ok := e.gzips.Get().(*gzip.Writer); ok {
		z.Reset(w)
		return z
	}
	z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // fails for an unknown level only
	return z
}

// write writes everything. A family that cannot be gathered or written must
// not hide the others, so that errors are passed over; Prometheus notices a
// connection that breaks.
func (e *exposition) write(w io.Writer, format expfmt.Format) {
	enc := encoder{w: w, format: format}
	_ = e.gatherer.Stream(enc.encode) // of the runtime and the process, at most
	enc.end()
}

// negotiate returns the text format that the header asks for. The formats that
// frame whole families are not offered, since families come in parts.
func negotiate(h http.Header) expfmt.Format {
	return expfmt.NegotiateAccept(h, expfmt.FmtText, expfmt.FmtOpenMetrics_1_0_0, expfmt.FmtOpenMetrics_0_0_1)
}

// acceptsGzip says whether the answer may be compressed (RFC 9110, section
// 12.5.3).
func acceptsGzip(h http.Header) bool {
	for _, coding := range strings.Split(h.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			weight = strings.TrimPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
			return weight == "" || strings.Trim(weight, "0.") != ""
		}
	}
	return false
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
