package scene

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Names of the relay's metrics.
const (
	messagesTotal = "dhcp_relay_messages_total"
	receivedTotal = "dhcp_relay_received_total"
)

// A Sample is one time series at one moment.
type Sample struct {
	Name   string
	Labels map[string]string
	Value  float64
}

// Counters are the samples of one scrape.
type Counters []Sample

// Sum adds the samples of a metric whose labels have the given values, which
// are pairs of name and value.
func (c Counters) Sum(name string, labels ...string) int {
	var sum float64
	for _, s := range c {
		if s.Name == name && s.has(labels) {
			sum += s.Value
		}
	}
	return int(sum)
}

// messages returns the counts of messages that are not zero, by
// "direction type outcome".
func (c Counters) messages() map[string]int {
	out := map[string]int{}
	for _, s := range c {
		if s.Name == messagesTotal && s.Value != 0 {
			out[s.Labels["direction"]+" "+s.Labels["type"]+" "+s.Labels["outcome"]] += int(s.Value)
		}
	}
	return out
}

func (s *Sample) has(labels []string) bool {
	for p := range slices.Chunk(labels, 2) {
		if s.Labels[p[0]] != p[1] {
			return false
		}
	}
	return true
}

// parseCounters reads the text format of Prometheus.
func parseCounters(r io.Reader) (Counters, error) {
	var out Counters
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		line := sc.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		s, err := parseSample(line)
		if err != nil {
			return nil, fmt.Errorf("metric %q: %w", line, err)
		}
		out = append(out, s)
	}
	return out, sc.Err()
}

func parseSample(line string) (Sample, error) {
	at := strings.LastIndexByte(line, ' ')
	if at < 0 {
		return Sample{}, fmt.Errorf("no value")
	}
	v, err := strconv.ParseFloat(line[at+1:], 64)
	if err != nil {
		return Sample{}, err
	}
	s := Sample{Name: line[:at], Value: v, Labels: map[string]string{}}
	name, rest, ok := strings.Cut(line[:at], "{")
	if !ok {
		return s, nil
	}
	s.Name = name
	for rest = strings.TrimSuffix(rest, "}"); rest != ""; rest = strings.TrimPrefix(rest, ",") {
		key, after, _ := strings.Cut(rest, "=")
		quoted, err := strconv.QuotedPrefix(after)
		if err != nil {
			return s, fmt.Errorf("label %s: %w", key, err)
		}
		if s.Labels[key], err = strconv.Unquote(quoted); err != nil {
			return s, fmt.Errorf("label %s: %w", key, err)
		}
		rest = after[len(quoted):]
	}
	return s, nil
}

// lines writes counts one a line, sorted, for comparison.
func lines(m map[string]int) []string {
	out := make([]string, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fmt.Sprintf("%3d  %s", m[k], k))
	}
	return out
}
