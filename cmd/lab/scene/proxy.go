package scene

import (
	"net/http"
	"net/http/httputil"
	"net/url"
)

// Proxy answers as the relay does on [metrics] listen in its namespace, for
// browsers that are not in it.
func (r *Relay) Proxy() http.Handler {
	p := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: metricsAddr})
	p.Transport = r.http.Transport
	p.FlushInterval = -1 // what streams is to be seen at once
	return p
}
