package relay_test

import (
	"encoding/json"
	"errors"
	"io"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dhcp-relay/relay/host/egress"
	"dhcp-relay/relay/observe/status"
)

// segmentation asks the daemon how bursts go to its first server.
func (d *daemon) segmentation() status.Segmentation {
	d.t.Helper()
	resp, err := d.http.Get("http://127.0.0.1:9867/api/v1/status")
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	var r status.Report
	if err := json.Unmarshal(body, &r); err != nil {
		d.t.Fatalf("%v in %s", err, body)
	}
	if len(r.Servers) == 0 || r.Servers[0].Segmentation == nil {
		return status.Segmentation{}
	}
	return *r.Servers[0].Segmentation
}

func (d *daemon) awaitSegmentation(reason string) {
	d.t.Helper()
	var got string
	defer func() {
		if d.t.Failed() {
			d.t.Logf("segmentation: last %s, want %s", got, reason)
		}
	}()
	d.await("segmentation "+reason, func() bool {
		got = d.segmentation().Reason
		return got == reason
	})
}

// whole switches whether a link takes datagrams together.
func (s *space) whole(link string, on bool) {
	s.T.Helper()
	s.Do(func() error {
		h, err := egress.Open()
		if err != nil {
			return err
		}
		return errors.Join(h.SetWhole(link, on), h.Close())
	})
}

// frames returns the lengths of the next frames to port 67, as one who reads frames
// sees them, until there are so many or no more come.
func (n *network) frames(most int) map[int]int {
	n.t.Helper()
	lengths, b := make(map[int]int), make([]byte, 128)
	tv := unix.NsecToTimeval(int64(100 * time.Millisecond))
	n.must(unix.SetsockoptTimeval(n.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv))
	end := time.Now().Add(patient)
	for got := 0; got < most && time.Now().Before(end); {
		c, _, err := unix.Recvfrom(n.fd, b, unix.MSG_TRUNC)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			continue
		}
		n.must(err)
		if f, ok := parseDatagram(b[14:min(c, len(b))]); ok && f.dst.Port() == 67 {
			lengths[c]++
			got++
		}
	}
	return lengths
}

// TestBurstsAreDatagramsForWhoReadsFrames has a burst come while the relay sleeps,
// so that it finds all of it at once, on a cable between namespaces: what leaves
// together would come as one frame, of which servers that read frames take the first
// message. RFC 951, section 3: a message is one datagram.
func TestBurstsAreDatagramsForWhoReadsFrames(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	b.relay.Veth("up2", b.servers.Space, "s2")
	b.relay.Addr("up2", "10.8.0.1/24")
	b.servers.Addr("s2", "10.8.0.2/24")
	b.relay.neighbour("up", "10.9.0.2", b.servers.Link("s").Attrs().HardwareAddr)
	b.relay.neighbour("up2", "10.8.0.2", b.servers.Link("s2").Attrs().HardwareAddr)
	sees := map[string]*network{"up": attach(b.servers, "s"), "up2": attach(b.servers, "s2")}
	const server = "10.9.0.2"
	config := "[[interface]]\nname = \"vlan10\"\nservers = [\"" + server + "\"]\n"
	d := b.start(config)

	const burst = 100
	relayed := 0
	check := func(what, by string) {
		t.Helper()
		d.suspend()
		for i := range burst {
			n.broadcast(discover(uint32(i)).request())
		}
		d.resume()
		relayed += burst
		d.awaitOutcome("relayed", relayed)
		const length = 14 + 20 + 8 + 300 + 10 // with option 82 in what was padding
		got := sees[by].frames(burst)
		for l, k := range got {
			if l > length {
				t.Errorf("%s: %d frames of %d octets", what, k, l)
			}
		}
		sum := 0
		for _, k := range got {
			sum += k
		}
		if sum != burst {
			t.Errorf("%s: %d frames, want %d", what, sum, burst)
		}
	}

	d.awaitSegmentation("virtual")
	check("a cable", "up")
	b.relay.whole("up", false)
	d.awaitSegmentation("kernel")
	check("the kernel cuts", "up")
	b.relay.whole("up2", true)
	b.relay.whole("up", true)
	d.awaitSegmentation("virtual")
	check("no more", "up")

	b.relay.whole("up2", false)
	b.relay.Route(server+"/32", "10.8.0.2")
	d.awaitSegmentation("kernel")
	if got := d.segmentation().Device; got != "up2" {
		t.Errorf("by %s, want up2", got)
	}
	check("another route", "up2")
	b.relay.DelAddr("up2", "10.8.0.1/24") // and the route with it
	d.awaitSegmentation("virtual")
	b.relay.DelAddr("up", "10.9.0.1/24")
	d.awaitSegmentation("no_route")
	b.relay.Addr("up", "10.9.0.1/24")
	b.relay.whole("up", false)
	d.awaitSegmentation("kernel")
	d.reload("relay.segmentation = \"off\"\n"+config, "configuration reloaded")
	d.awaitSegmentation("off")
	d.reload(config, "configuration reloaded")
	d.awaitSegmentation("kernel")
	d.balanced()
}
