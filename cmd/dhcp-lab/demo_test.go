package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/cmd/dhcp-lab/internal/ladder"
	"dhcp-relay/cmd/dhcp-lab/internal/scene"
)

func TestDemoRefusesWhatCannotBePlayed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	embedded := scene.Options{Server: scene.Embedded, Client: scene.Embedded}
	tests := []struct {
		name string
		demo demo
		want string // part of the error; "" for none
	}{
		{"embedded", demo{Options: embedded, scenes: []int{1, 8}}, ""},
		{"no such scene", demo{Options: embedded, scenes: []int{9}}, "scene 9: there are 1 to 8"},
		{"no such server", demo{Options: scene.Options{Server: "wide", Client: scene.Embedded}}, `server "wide"`},
		{"server is missing", demo{Options: scene.Options{Server: "kea", Client: scene.Embedded}}, "apt-get install kea-dhcp4-server"},
		{"client is missing", demo{Options: scene.Options{Server: scene.Embedded, Client: "dhclient"}}, "apt-get install isc-dhcp-client"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.demo.check()
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestTotals(t *testing.T) {
	var total totals
	for _, r := range []scene.Result{
		{Events: []ladder.Event{{Type: "OFFER"}, {Type: "DISCOVER"}}},
		{Events: []ladder.Event{{Type: "DISCOVER"}}, Err: errReported},
		{Skipped: "why"},
	} {
		total.add(&r)
	}
	want := "1 scenes passed, 1 failed, 1 skipped, 3 messages in 2.0 s: DISCOVER, OFFER"
	if diff := cmp.Diff(want, total.line(2*time.Second)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestShow(t *testing.T) {
	for _, tt := range []struct {
		name string
		r    scene.Result
		want string
	}{
		{"passed", scene.Result{Took: 1500 * time.Millisecond}, "passed in 1.50 s, 0 messages\n\n"},
		{"failed", scene.Result{Err: errReported}, "FAILED in 0.00 s, 0 messages\n  reported\n\n"},
		{"skipped", scene.Result{Skipped: "why"}, "skipped: why\n\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			d := demo{out: &b}
			if err := d.show(&tt.r); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, b.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
