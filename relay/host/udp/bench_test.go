package udp

import (
	"fmt"
	"net/netip"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dhcp-relay/relay/wire/dhcp"
)

const benchBatch = 256

// BenchmarkRead measures what it costs to read datagrams of 300 octets that are
// there already, in batches.
func BenchmarkRead(b *testing.B) {
	for _, batch := range []int{1, 16, benchBatch} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			w := newWire(b, 1500)
			q, seg, ds := NewQueue(w.p.Requests), together(), NewBatch(benchBatch)
			payload := message(0, 300)
			var spent time.Duration
			var n int
			for b.Loop() {
				for i := range batch {
					q.Add(i, payload, w.dst, netip.Addr{}, 0, seg)
				}
				q.Flush(func(int, syscall.Errno) {})
				start := time.Now()
				for got := 0; got < batch; {
					k, err := w.at.Requests.Read(ds)
					if err != nil {
						b.Fatal(err)
					}
					got += k
				}
				spent += time.Since(start)
				n += batch
			}
			b.ReportMetric(float64(spent)/float64(n), "ns/datagram")
		})
	}
}

// cpuTime begins to measure the processor time of the current thread, which tells
// more than the clock on a machine that does other work as well: to the clock, a
// system call that sends many is one that others interrupt. The function that it
// returns reports the time for each of n datagrams.
func cpuTime(b *testing.B) func(n int) {
	b.Helper()
	now := func() time.Duration {
		var ts unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
			b.Fatal(err)
		}
		return time.Duration(ts.Nano())
	}
	runtime.LockOSThread()
	b.Cleanup(runtime.UnlockOSThread)
	began := now()
	return func(n int) { b.ReportMetric(float64(now()-began)/float64(n), "cpu-ns/datagram") }
}

// BenchmarkFlush measures Add and Flush, to a server whose socket is full. The
// transmission over veth, and the other side's work up to the socket, are within.
func BenchmarkFlush(b *testing.B) {
	for _, tc := range []struct {
		name  string
		alone bool
		many  bool // each to an address of its own, as replies to clients
	}{
		{"gso", false, false},
		{"sendmmsg", true, false},
		{"many destinations", false, true},
	} {
		b.Run(tc.name, func(b *testing.B) {
			w := newWire(b, 1500)
			q, seg := NewQueue(w.p.Requests), together()
			seg.Allow(!tc.alone)
			payload := message(0, 300)
			dst := make([]netip.AddrPort, benchBatch)
			for i := range dst {
				dst[i] = w.dst
				if tc.many {
					dst[i] = netip.AddrPortFrom(w.dst.Addr(), uint16(1024+i))
				}
			}
			var n int
			cpu := cpuTime(b)
			for b.Loop() {
				for i := range benchBatch {
					q.Add(i, payload, dst[i], netip.Addr{}, 0, seg)
				}
				q.Flush(func(int, syscall.Errno) {})
				n += benchBatch
			}
			cpu(n)
			b.ReportMetric(float64(b.Elapsed())/float64(n), "ns/datagram")
		})
	}
	b.Run("one by one", func(b *testing.B) {
		w := newWire(b, 1500)
		from := w.relay.ListenUDP("udp4", "198.51.100.1:0")
		payload := message(0, 300)
		cpu := cpuTime(b)
		for b.Loop() {
			if _, err := from.WriteToUDPAddrPort(payload, w.dst); err != nil {
				b.Fatal(err)
			}
		}
		cpu(b.N)
	})
}

// BenchmarkAdd measures the queue without the kernel.
func BenchmarkAdd(b *testing.B) {
	c := &Conn{}
	q, seg := NewQueue(c), together()
	payload := message(0, 300)
	dst := []netip.AddrPort{netip.MustParseAddrPort("198.51.100.2:67"), netip.MustParseAddrPort("198.51.100.3:67")}
	for b.Loop() {
		for i := range benchBatch {
			q.Add(i, payload, dst[i&1], netip.Addr{}, 0, seg)
		}
		q.mergeTails()
		q.tx.reset(len(q.groups), len(q.items))
		for i := range q.groups {
			q.tx.add(i, &q.groups[i], dhcp.V4, q.items)
		}
		q.items, q.groups = q.items[:0], q.groups[:0]
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N*benchBatch), "ns/datagram")
}
