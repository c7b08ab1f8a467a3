//go:build !small

package http

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"dhcp-relay/relay/api"
	"dhcp-relay/relay/observe/status"
	"dhcp-relay/relay/wire/dhcp"
)

// Tones are the classes of the page's style that say how good something is.
const (
	toneOK   = "ok"
	toneIdle = "idle"
	toneWarn = "warn"
	toneBad  = "bad"
)

// formats are the functions of the page's template.
func formats() template.FuncMap {
	return template.FuncMap{
		"add":       func(a, b uint64) uint64 { return a + b },
		"client":    clientName,
		"clock":     func(t time.Time) string { return t.Format("15:04:05") },
		"explained": explained,
		"family":    dhcp.Family.IP,
		"stateTone": stateTone,
		"machine":   func(t time.Time) string { return t.Format(time.RFC3339Nano) },
		"number":    number,
		"percent":   percent,
		"precise":   func(t time.Time) string { return t.Format("15:04:05.000") },
		"ratioTone": ratioTone,
		"seconds":   seconds,
		"severity":  severity,
		"span":      span,
		"spark":     sparkOf,
		"stamp":     func(t time.Time) string { return t.Format("2006-01-02 15:04:05") },
		"steps":     steps,
		"tone":      tone,
		"words":     words,
	}
}

// tone returns the class of a tone.
func tone(t status.Tone) string {
	switch t {
	case status.Good:
		return toneOK
	case status.Doubtful:
		return toneWarn
	case status.Bad:
		return toneBad
	case status.Neutral:
	}
	return toneIdle
}

// stateTone says how good the end of a transaction is.
func stateTone(s api.TransactionState) string {
	switch s {
	case api.Answered, api.Sent:
		return toneOK
	case api.Unanswered, api.Refused, api.Dropped:
		return toneBad
	case api.Waiting:
	}
	return toneIdle
}

func severity(s status.Severity) string {
	switch s {
	case status.Warn:
		return "warning"
	case status.Info:
		return "note"
	case status.Error:
	}
	return string(s)
}

func ratioTone(r float64) string {
	switch {
	case r >= 0.95:
		return toneOK
	case r >= 0.5:
		return toneWarn
	}
	return toneBad
}

// percent returns a ratio in percent; what is not all is never shown as all.
func percent(r float64) string { return strconv.Itoa(int(100 * r)) }

// words makes a name of programs readable.
func words(s any) string { return strings.ReplaceAll(fmt.Sprint(s), "_", " ") }

// number groups digits by threes, with narrow spaces that do not break.
func number(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}

// seconds writes a short time with three digits at most; 0.0012 is 1.2 ms.
func seconds(s float64) string {
	switch {
	case s < 0.001:
		return fmt.Sprintf("%.0f µs", s*1e6)
	case s < 0.01:
		return fmt.Sprintf("%.1f ms", s*1e3)
	case s < 1:
		return fmt.Sprintf("%.0f ms", s*1e3)
	}
	return fmt.Sprintf("%.1f s", s)
}

// span writes a long time in its two largest units.
func span(s float64) string {
	d := time.Duration(s * float64(time.Second)).Round(time.Second)
	day, hour, minute := d/(24*time.Hour), d%(24*time.Hour)/time.Hour, d%time.Hour/time.Minute
	switch {
	case day > 0:
		return fmt.Sprintf("%d d %d h", day, hour)
	case hour > 0:
		return fmt.Sprintf("%d h %d min", hour, minute)
	case minute > 0:
		return fmt.Sprintf("%d min", minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

// clientName returns the best name of a client that there is.
func clientName(t api.Transaction) string {
	for _, s := range []string{t.Client.MAC, t.Client.DUID, t.Client.ClientID} {
		if s != "" {
			return s
		}
	}
	return "unknown client"
}
