package limit

import (
	"testing"
	"time"
)

// A scene of a server that reads so many requests a second from a queue with room for
// some, and answers a part of them; two interfaces send to it.
type slowServer struct {
	pace                Pace
	now                 time.Duration
	sent, replies, held uint64
	got                 [2]int // of the requests of each interface that the server has read
}

// run has interfaces send so many requests a second each for some seconds.
func (v *slowServer) run(seconds, reads int, share float64, sends [2]int) {
	for range seconds {
		v.got = [2]int{}
		for range 100 { // of 10 ms
			v.now += 10 * time.Millisecond
			var came [2]int
			for i, n := range sends {
				for range n / 100 {
					if v.pace.Take(i, v.now, false) {
						v.sent++
						came[i]++
					} else {
						v.held++
					}
				}
			}
			// What exceeds what it reads is lost, of each in proportion.
			took := min(1, float64(reads)/100/max(1, float64(came[0]+came[1])))
			for i := range came {
				v.got[i] += int(float64(came[i])*took + 0.5)
				v.replies += uint64(float64(came[i])*took*share + 0.5)
			}
		}
		v.pace.Judge(time.Second, v.sent, v.replies, v.held, len(sends))
	}
}

func TestPace(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		share float64 // of the requests that the server reads it answers
	}{{"one server", 1}, {"one of two that share the clients", 0.5}} {
		v := new(slowServer)
		v.run(10, 1500, tc.share, [2]int{500, 100})
		if v.pace.PerSecond() != 0 {
			t.Errorf("%s: a pace of %d, though the server keeps up", tc.name, v.pace.PerSecond())
		}
		v.run(10, 1500, tc.share, [2]int{20_000, 100})
		for range 20 {
			v.run(1, 1500, tc.share, [2]int{20_000, 100})
			if v.got[1] < 80 {
				t.Errorf("%s: the server reads %d of 100 requests of the quiet interface", tc.name, v.got[1])
			}
			if v.got[0] < leastPace {
				t.Errorf("%s: the server reads %d requests of the loud interface", tc.name, v.got[0])
			}
		}
		v.run(10, 1500, tc.share, [2]int{500, 100})
		if v.pace.PerSecond() != 0 {
			t.Errorf("%s: the pace has not ended with the flood", tc.name)
		}
	}
}

// A server that answers nothing may be the standby of another one, and who has a server
// for itself takes nothing from others.
func TestNoPace(t *testing.T) {
	t.Parallel()
	v := new(slowServer)
	v.run(10, 1500, 0, [2]int{5000, 5000})
	if v.pace.PerSecond() != 0 {
		t.Error("a pace for a server that answers nothing")
	}
	var p Pace
	for i := range uint64(10) {
		p.Judge(time.Second, i*20_000, i*1500, 0, 1)
	}
	if p.PerSecond() != 0 {
		t.Error("a pace for an interface that is alone")
	}
}
