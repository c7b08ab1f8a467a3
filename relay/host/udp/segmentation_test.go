package udp

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// buffers sends ten datagrams of one flow and returns as how many messages.
func buffers(t *testing.T, w *wire, q *Queue, dst netip.AddrPort, seg *Segmentation) int {
	t.Helper()
	const n = 10
	for i := range n {
		q.Add(i, message(byte(i), 300), dst, netip.Addr{}, 0, seg)
	}
	groups := len(q.groups)
	for tag, errno := range outcomes(t, q) {
		if errno != 0 {
			t.Errorf("tag %d: %v", tag, errno)
		}
	}
	if got := len(hear(t, w.at.Requests, n, patient)); got != n {
		t.Errorf("the server heard %d, want %d", got, n)
	}
	return groups
}

func TestDatagramsLeaveAloneUnlessAllowed(t *testing.T) {
	w := newWire(t, 1500)
	q, seg := NewQueue(w.p.Requests), new(Segmentation)
	got := []int{buffers(t, w, q, w.dst, nil), buffers(t, w, q, w.dst, seg)}
	seg.Allow(true)
	got = append(got, buffers(t, w, q, w.dst, seg))
	seg.Allow(false)
	got = append(got, buffers(t, w, q, w.dst, seg))
	if diff := cmp.Diff([]int{10, 10, 1, 10}, got); diff != "" {
		t.Errorf("nobody knows, not allowed, allowed, not any more (-want +got)\n%s", diff)
	}
}

// TestRefusalsEnd has the kernel refuse once. What was learnt from it holds for
// its way alone, and for a while.
func TestRefusalsEnd(t *testing.T) {
	for _, errno := range []unix.Errno{unix.EIO, unix.EINVAL} {
		t.Run(errno.Error(), func(t *testing.T) {
			w := newWire(t, 1500)
			w.server.Addr("s0", "198.51.100.3/24")
			other := netip.MustParseAddrPort("198.51.100.3:67")
			q, seg, others := NewQueue(w.p.Requests), together(), together()
			kernel := q.tx.try
			refuse(q, errno)
			buffers(t, w, q, w.dst, seg)
			q.tx.try = kernel

			r, refused := seg.Refusal()
			if left := time.Until(r.Until); !refused || r.Errno != errno || left <= 0 || left > pause {
				t.Fatalf("refused %v with %v for %v, want %v for %v", refused, r.Errno, left, errno, pause)
			}
			if got := buffers(t, w, q, w.dst, seg); got != 10 {
				t.Errorf("then %d messages, want 10", got)
			}
			if got := buffers(t, w, q, other, others); got != 1 {
				t.Errorf("on another way %d messages, want 1", got)
			}

			seg.refusal.Store(&Refusal{r.Errno, time.Now()})
			if got := buffers(t, w, q, w.dst, seg); got != 1 {
				t.Errorf("later %d messages, want 1", got)
			}
			if r, refused := seg.Refusal(); refused {
				t.Errorf("the refusal %v is still told of", r)
			}
		})
	}
}

func TestChangedWaysForgetRefusals(t *testing.T) {
	seg := together()
	seg.refused(unix.EIO, time.Now())
	seg.Allow(true)
	if _, refused := seg.Refusal(); !refused {
		t.Error("forgotten though nothing has changed")
	}
	seg.Allow(false)
	if _, refused := seg.Refusal(); refused {
		t.Error("still told of")
	}
}
