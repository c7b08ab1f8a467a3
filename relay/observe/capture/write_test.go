package capture_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/capture"
	"dhcp-relay/relay/observe/recorder"
)

func write(t *testing.T, ms []recorder.Message, redact bool) []byte {
	t.Helper()
	var b bytes.Buffer
	paths := map[netip.AddrPort]capture.Path{
		netip.MustParseAddrPort("10.9.0.2:67"):         {Source: netip.MustParseAddr("10.9.0.7"), Link: uplink},
		netip.MustParseAddrPort("[2001:db8:9::2]:547"): {Source: netip.MustParseAddr("2001:db8:9::1"), Link: uplink},
	}
	if err := capture.Write(&b, ms, capture.Options{Names: names, Paths: paths, Redact: redact}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// dissect has tshark read a capture, and returns the fields of each packet.
func dissect(t *testing.T, capture []byte, fields ...string) [][]string {
	t.Helper()
	if testing.Short() {
		t.Skip("tshark takes a second for each capture")
	}
	if _, err := exec.LookPath("tshark"); err != nil {
		if os.Getenv("RELAY_TEST_NOSKIP") == "1" {
			t.Fatal("tshark is missing; make deps-test installs it")
		}
		t.Skip("tshark is missing; make deps-test installs it")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "capture.pcapng")
	if err := os.WriteFile(file, capture, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-n", "-r", file, "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-T", "fields", "-E", "separator=|", "-E", "occurrence=a"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 180*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, "tshark", args...)
	c.Env = append(os.Environ(), "HOME="+dir)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("tshark: %v\n%s", err, stderr.String())
	}
	var rows [][]string
	for line := range strings.Lines(string(out)) {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "|"))
	}
	return rows
}

func TestTsharkReadsBothLegs(t *testing.T) {
	doc := func(r agent.Reason) string {
		return "dropped: " + r.String() + ": " + r.Doc().What + " " + r.Doc().Remedy
	}
	got := dissect(t, write(t, recorded(), false),
		"frame.interface_name", "frame.packet_flags_direction", "frame.time_epoch", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "udp.srcport", "udp.dstport", "frame.comment")
	in, out := "0x00000001", "0x00000002"
	want := [][]string{
		{"vlan10", in, "1772618400.123456789", "10.1.0.100", "255.255.255.255", "", "", "68", "67", "relayed to 10.9.0.2, 10.9.0.3"},
		{"eth0", out, "1772618400.123468789", "10.9.0.1", "10.9.0.2", "", "", "67", "67", "sent: copy 1 of 2 of what was received on vlan10, 12µs later"},
		{"to-servers", out, "1772618400.123468789", "10.7.0.1", "10.9.0.3", "", "", "67", "67", "sent: copy 2 of 2 of what was received on vlan10, 12µs later"},
		{"eth0", in, "1772618400.124456789", "10.9.0.2", "10.1.0.1", "", "", "67", "67", "relayed to 10.1.0.100 (02:aa:bb:cc:dd:ee) on vlan10"},
		{"vlan10", out, "1772618400.124456809", "10.1.0.1", "10.1.0.100", "", "", "67", "68", "sent on vlan10: the reply that was received on eth0, 0s later"},
		{"interface 77", in, "1772618400.125456789", "0.0.0.0", "255.255.255.255", "", "", "68", "67", doc(agent.UntrustedOption82)},
		{"vlan10", in, "1772618400.126456789", "", "", "fe80::5ec", "ff02::1:2", "546", "547", "relayed to 2001:db8:9::2"},
		{"eth0", out, "1772618400.126456789", "", "", "2001:db8:9::1", "2001:db8:9::2", "547", "547", "sent: copy 1 of 1 of what was received on vlan10, 0s later"},
		{"eth0", in, "1772618400.127456789", "", "", "2001:db8:9::2", "2001:db8:1::1", "547", "547", "relayed to fe80::5ec on vlan10"},
		{"vlan10", out, "1772618400.127456789", "", "", "fe80::1", "fe80::5ec", "547", "546", "sent on vlan10: the reply that was received on eth0, 0s later"},
		{"vlan10", in, "1772618400.128456789", "0.0.0.0", "255.255.255.255", "", "", "68", "67", doc(agent.Oversize)},
		{"vlan10", in, "1772618400.129456789", "", "", "fe80::5ec", "ff02::1:2", "546", "547", doc(agent.Oversize)},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("packets (-want +got):\n%s", d)
	}
}

// checkSound checks that tshark finds nothing wrong: no malformed packet, no
// error, and all checksums of whole packets good.
func checkSound(t *testing.T, capture []byte, ms []recorder.Message) {
	t.Helper()
	rows := dissect(t, capture, "_ws.malformed", "_ws.expert.severity", "ip.version", "ip.checksum.status", "udp.checksum.status", "frame.cap_len", "frame.len", "_ws.expert.message")
	if want := 12; len(rows) != want || len(ms) != 7 {
		t.Fatalf("%d packets, want %d", len(rows), want)
	}
	const (
		good, unverified, absent = "1", "2", "3"
		warning                  = 6 << 20
	)
	for i, r := range rows {
		udp := good
		switch {
		case r[5] == r[6]:
		case r[2] == "4":
			udp = absent
		default:
			udp = unverified
		}
		if r[2] == "4" && r[3] != good || r[4] != udp {
			t.Errorf("packet %d: checksum of IP %q, of UDP %q, want %q", i+1, r[3], r[4], udp)
		}
		if r[0] != "" {
			t.Errorf("packet %d is malformed: %v", i+1, r)
		}
		for s := range strings.SplitSeq(r[1], ",") {
			if n, _ := strconv.Atoi(s); n >= warning { // empty: nothing to say
				t.Errorf("packet %d: tshark says %q", i+1, r[7])
			}
		}
	}
}

func TestTsharkFindsNothingWrong(t *testing.T) {
	checkSound(t, write(t, recorded(), false), recorded())
}

func TestTsharkFindsNothingWrongInWhatIsRedacted(t *testing.T) {
	checkSound(t, write(t, recorded(), true), recorded())
}

func TestPayloadIsExact(t *testing.T) {
	ms := recorded()
	var want []string
	for i := range ms[:5] {
		want = append(want, hex.EncodeToString(ms[i].Received))
		for range max(len(ms[i].Servers), 1) {
			if ms[i].Outcome == agent.Relayed {
				want = append(want, hex.EncodeToString(ms[i].Sent))
			}
		}
	}
	var got []string
	for _, r := range dissect(t, write(t, ms[:5], false), "udp.payload") {
		got = append(got, r[0])
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("payloads (-want +got):\n%s", d)
	}
}

func TestCutMessageSaysHowLongItWas(t *testing.T) {
	rows := dissect(t, write(t, recorded(), false), "frame.cap_len", "frame.len", "udp.length")
	for i, want := range map[int][]string{10: {"4140", "6044", "6008"}, 11: {"4160", "6064", "6008"}} {
		if d := cmp.Diff(want, rows[i]); d != "" {
			t.Errorf("packet %d: captured, length, UDP length (-want +got):\n%s", i+1, d)
		}
	}
}

// tcpdump, the tool that routers have, opens it and shows the way of each message.
func TestTcpdumpReadsIt(t *testing.T) {
	if _, err := exec.LookPath("tcpdump"); err != nil {
		if os.Getenv("RELAY_TEST_NOSKIP") == "1" {
			t.Fatal("tcpdump is missing; make deps-test installs it")
		}
		t.Skip("tcpdump is missing; make deps-test installs it")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "tcpdump", "-n", "-t", "-r", "-")
	c.Stdin = bytes.NewReader(write(t, recorded(), false))
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("tcpdump: %v\n%s", err, stderr.String())
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	for i, want := range []string{
		"10.1.0.100.68 > 255.255.255.255.67: BOOTP/DHCP, Request from ", "10.9.0.1.67 > 10.9.0.2.67: BOOTP/DHCP, Request from ",
		"10.7.0.1.67 > 10.9.0.3.67: BOOTP/DHCP, Request from ", "10.9.0.2.67 > 10.1.0.1.67: BOOTP/DHCP, Reply",
	} {
		if i >= len(lines) || !strings.Contains(lines[i], want) {
			t.Fatalf("tcpdump printed\n%s\nwant in line %d: %s", out, i+1, want)
		}
	}
}

func TestEmptyCapture(t *testing.T) {
	if rows := dissect(t, write(t, nil, false), "frame.number"); len(rows) != 0 {
		t.Errorf("%d packets of no message", len(rows))
	}
}

// What is written can be read, but for what the recorder has cut.
func TestWrittenIsRead(t *testing.T) {
	ms := recorded()
	r, err := capture.NewReader(bytes.NewReader(write(t, ms, false)))
	if err != nil {
		t.Fatal(err)
	}
	type leg struct {
		on, from, to string
		out          bool
		payload      string
	}
	var want []leg
	for i := range ms[:5] {
		m := &ms[i]
		in := leg{m.Src.Addr().String(), m.Src.String(), m.Dst.String(), false, hex.EncodeToString(m.Received)}
		in.on = names(m.Heard)
		if in.on == "" {
			in.on = "interface " + strconv.Itoa(m.Heard)
		}
		want = append(want, in)
	}
	var got []leg
	for {
		p, err := r.Next()
		if err != nil {
			break // io.EOF, or what was cut
		}
		if !p.Outgoing && p.Skip == capture.Datagram {
			got = append(got, leg{p.Interface, p.Src.String(), p.Dst.String(), p.Outgoing, hex.EncodeToString(p.Payload)})
		}
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(leg{})); d != "" {
		t.Errorf("messages as received (-want +got):\n%s", d)
	}
}
