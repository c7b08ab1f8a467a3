package conformance

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/netns"
)

// Counters are the series of /metrics, by name and labels.
type counters map[string]float64

// sum adds the series of a name whose labels hold all the texts.
func (c counters) sum(name string, labels ...string) float64 {
	var n float64
	for k, v := range c {
		if strings.HasPrefix(k, name+"{") && containsAll(k, labels) {
			n += v
		}
	}
	return n
}

func containsAll(s string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}

// minus returns the series that differ, by how much.
func (c counters) minus(old counters) counters {
	out := make(counters)
	for k, v := range c {
		if d := v - old[k]; d != 0 {
			out[k] = d
		}
	}
	return out
}

// only returns the series of a name.
func (c counters) only(name string) counters {
	out := make(counters)
	for k, v := range c {
		if strings.HasPrefix(k, name+"{") {
			out[k] = v
		}
	}
	return out
}

// The counters that have to balance: each message received ends in one outcome.
const (
	messagesTotal = "dhcp_relay_messages_total"
	receivedTotal = "dhcp_relay_received_total"
)

// A metricsClient scrapes the daemon from within R.
type metricsClient struct {
	transport *http.Transport
	client    *http.Client
}

func newMetricsClient(ns *netns.NS) *metricsClient {
	tr := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (c net.Conn, err error) {
		err = ns.Do(func() (err error) {
			c, err = new(net.Dialer).DialContext(ctx, network, addr)
			return err
		})
		return c, err
	}}
	return &metricsClient{tr, &http.Client{Transport: tr, Timeout: patience}}
}

func (m *metricsClient) close() { m.transport.CloseIdleConnections() }

// scrape reads /metrics.
func (m *metricsClient) scrape(t *testing.T) counters {
	t.Helper()
	resp, err := m.client.Get("http://127.0.0.1:9867/metrics")
	do(t, err)
	defer func() { do(t, resp.Body.Close()) }()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("/metrics: %s", resp.Status)
	}
	out := make(counters)
	sc := bufio.NewScanner(resp.Body)
	for sc.Scan() {
		line := sc.Text()
		i := strings.LastIndexByte(line, ' ')
		if i < 0 || line[0] == '#' {
			continue
		}
		v, err := strconv.ParseFloat(line[i+1:], 64)
		do(t, err)
		out[line[:i]] = v
	}
	do(t, sc.Err())
	return out
}

// settled scrapes until n more messages than before have an outcome.
func (m *metricsClient) settled(t *testing.T, before counters, n int) counters {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		now := m.scrape(t)
		got := now.sum(messagesTotal) - before.sum(messagesTotal)
		if got >= float64(n) {
			return now
		}
		if time.Now().After(end) {
			t.Fatalf("%v of %d messages have an outcome: %v", got, n, now.minus(before))
		}
	}
}

// balanced checks that every message received has an outcome.
func (c counters) balanced() error {
	if r, m := c.sum(receivedTotal, `family="ipv4"`), c.sum(messagesTotal, `family="ipv4"`); r != m {
		return fmt.Errorf("%v messages received, %v have an outcome", r, m)
	}
	return nil
}
