package main

import (
	"cmp"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"dhcp-relay/cmd/lab/ladder"
	"dhcp-relay/cmd/lab/scene"
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
		{"no such scene", demo{Options: embedded, scenes: []int{99}}, "scene 99: there are 1 to 17"},
		{"no such server", demo{Options: scene.Options{Server: "wide", Client: scene.Embedded}}, `server "wide"`},
		{"server is missing", demo{Options: scene.Options{Server: "kea", Client: scene.Embedded}, family: "4"}, "apt-get install kea-dhcp4-server"},
		{"server of DHCPv6 is missing", demo{Options: scene.Options{Server: "kea", Client: scene.Embedded}, family: "6"}, "apt-get install kea-dhcp6-server"},
		{"client of DHCPv6 is missing", demo{Options: scene.Options{Server: scene.Embedded, Client: "wide"}}, "apt-get install wide-dhcpv6-client"},
		{"client of the other family", demo{Options: scene.Options{Server: scene.Embedded, Client: "udhcpc"}, family: "6"}, `client "udhcpc"`},
		{"no such family", demo{Options: embedded, family: "5"}, `family "5"`},
		{"client is missing", demo{Options: scene.Options{Server: scene.Embedded, Client: "dhclient"}}, "apt-get install isc-dhcp-client"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.demo.family = cmp.Or(tt.demo.family, "both")
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
	if diff := gocmp.Diff(want, total.line(2*time.Second)); diff != "" {
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
			if diff := gocmp.Diff(tt.want, b.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlays(t *testing.T) {
	for _, tt := range []struct {
		demo demo
		want int
	}{
		{demo{family: "both"}, 17},
		{demo{family: "4"}, 8},
		{demo{family: "6"}, 8},
		{demo{family: "4", scenes: []int{9, 17}}, 2},
	} {
		n := 0
		for _, s := range scene.Scenes() {
			if tt.demo.plays(&s) {
				n++
			}
		}
		if n != tt.want {
			t.Errorf("family %s, scenes %v: plays %d, want %d", tt.demo.family, tt.demo.scenes, n, tt.want)
		}
	}
}
