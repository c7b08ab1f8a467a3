package http_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/agent"
	web "dhcp-relay/relay/http"
)

// logged runs the log of messages, and returns what it wrote at each level that it was
// set to, while a message was recorded.
func logged(t *testing.T, redact bool, levels ...slog.Level) (out []string) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		level := new(slog.LevelVar)
		s := newSource(100)
		v := web.NewRecording(s, "test", redact)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go v.Log(ctx, slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: level})))
		for n, l := range levels {
			level.Set(l)
			time.Sleep(5 * time.Second)
			s.record(t, byte(n), agent.Relayed)
			time.Sleep(5 * time.Second)
			synctest.Wait()
			out = append(out, b.String())
			b.Reset()
		}
	})
	return out
}

func TestMessagesAreLogged(t *testing.T) {
	t.Parallel()
	out := logged(t, false, slog.LevelInfo, slog.LevelDebug, slog.LevelInfo)
	if out[0] != "" || out[2] != "" {
		t.Errorf("at the level info: %s%s", out[0], out[2])
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(out[1]), &got); err != nil {
		t.Fatalf("not one line of JSON: %v\n%s", err, out[1])
	}
	delete(got, "time")
	delete(got, "heard")
	want := map[string]any{
		"level": "DEBUG", "msg": "message", "interface": "vlan10", "family": "ipv4", "direction": "request", "type": "discover",
		"outcome": "relayed", "client_interface": "vlan10", "xid": "0x00000001", "mac": "02:00:00:00:00:01", "source": "0.0.0.0:68",
		"to": []any{"10.9.0.2:67"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("line (-want +got):\n%s", d)
	}
}

func TestLoggedMessagesAreRedacted(t *testing.T) {
	t.Parallel()
	if out := logged(t, true, slog.LevelDebug)[0]; strings.Contains(out, "02:00:00") || !strings.Contains(out, `"mac":"mac-`) {
		t.Error(out)
	}
}
