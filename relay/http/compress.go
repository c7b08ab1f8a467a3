package http

import (
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// A compressor compresses answers as they are written.
type compressor struct {
	pool sync.Pool // of *gzip.Writer
}

// wrap returns a handler that answers what h does, compressed if the client can
// read that. h must say of what type its answer is.
func (c *compressor) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Accept-Encoding")
		if !acceptsGzip(r.Header) {
			h.ServeHTTP(w, r)
			return
		}
		z := c.writer()
		z.Reset(w)
		h.ServeHTTP(&compressed{ResponseWriter: w, z: z}, r)
		_ = z.Close() // an error means that the client has gone
		c.pool.Put(z)
	})
}

// writer returns a writer at the level that costs least: pages, lists and series
// repeat themselves so much that they shrink to a tenth and less even so.
func (c *compressor) writer() *gzip.Writer {
	if z, ok := c.pool.Get().(*gzip.Writer); ok {
		return z
	}
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // fails for an unknown level only
	return z
}

// acceptsGzip says whether the answer may be compressed (RFC 9110, section
// 12.5.3).
func acceptsGzip(h http.Header) bool {
	for coding := range strings.SplitSeq(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		name, weight, weighted := strings.Cut(coding, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		_, number, _ := strings.Cut(weight, "=")
		q, err := strconv.ParseFloat(strings.TrimSpace(number), 32)
		return !weighted || err == nil && q > 0
	}
	return false
}

// A compressed is an answer that is compressed.
type compressed struct {
	http.ResponseWriter
	z     *gzip.Writer
	begun bool
}

// WriteHeader implements http.ResponseWriter.
func (c *compressed) WriteHeader(code int) {
	if !c.begun {
		c.begun = true
		c.Header().Set("Content-Encoding", "gzip")
		c.Header().Del("Content-Length")
	}
	c.ResponseWriter.WriteHeader(code)
}

// Write implements io.Writer.
func (c *compressed) Write(b []byte) (int, error) {
	if !c.begun {
		c.WriteHeader(http.StatusOK)
	}
	return c.z.Write(b)
}
