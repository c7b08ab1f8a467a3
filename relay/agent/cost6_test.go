package agent

import (
	"encoding/binary"
	"slices"
	"testing"

	"dhcp-relay/giaddr"
)

// A feed6 hands the same message to the core again and again.
type feed6 struct {
	snap    *Snapshot
	message []byte
	in      Ingress
	buf     Buf
	outcome Reason
}

func (f *feed6) once() Verdict {
	f.buf.Off = Headroom
	f.buf.Len = copy(f.buf.Store[Headroom:], f.message)
	return f.snap.Relay6(&f.buf, f.in)
}

func feeds6() map[string]*feed6 {
	busy, _ := compile6(func(p *Policy, h []giaddr.Link) {
		grouped(p, Hash)
		each(func(i *Interface) {
			i.V6.RefuseRSOO, i.V6.SourcePort = true, 5470
			i.V6.VSS = VSS{On: true, Name: []byte("red")}
		})(p, h)
	})
	plain, _ := compile6(nil)
	fs := make(map[string]*feed6)
	add := func(name string, s *Snapshot, c case6) {
		fs[name] = &feed6{snap: s, message: c.in, in: c.ingress(s), buf: Buf{Store: make([]byte, Headroom+2048)}, outcome: c.drop}
	}
	add("solicit", plain, case6{in: solicit6()})
	add("solicit, every setting", busy, case6{in: solicit6()})
	add("relay-forward", plain, case6{on: "t0", src: relayLL, in: nest6(12, solicit6(), 1)})
	add("relay-forward of 8 levels, every setting", busy, case6{on: "t0", src: relayLL, in: nest6(12, solicit6(), 8)})
	add("reply", plain, case6{in: answer6(id6("d0"), mac6(clientMAC...), inner6(msg6(7, solicit6()[4:])))})
	add("reply by link-address", plain, case6{in: answer6(inner6(msg6(7)))})
	add("reply with VSS", busy, case6{in: answer6(vss6(0, "red"), id6("d0"), inner6(msg6(7)))})
	add("reply to a relay", plain, case6{in: relay6(13, 1, guaT, relayLL, id6("t0"), inner6(answer6(inner6(msg6(7)))))})
	add("reply with an Interface-Id that is not known", plain, case6{in: answer6(id6("d9"), inner6(msg6(7)))})
	add("reply with the Interface-Id of before", heirs(*testPolicy6(), testHost6(), renamed(0, "dmz")), case6{in: relay6(13, 0, "::", clientLL, id6("d0"), inner6(msg6(7)))})
	add("dropped", plain, case6{in: relay6(13, 0, "::", clientLL, id6("d9"), inner6(msg6(7))), drop: UnknownLink})
	return fs
}

func TestRelay6AllocatesNothing(t *testing.T) {
	for name, f := range feeds6() {
		t.Run(name, func(t *testing.T) {
			if v := f.once(); v.Reason != f.outcome {
				t.Fatalf("got %v, want %v", v.Reason, f.outcome)
			}
			n := testing.AllocsPerRun(1000, func() {
				if v := f.once(); v.Differs(WithoutVSS) {
					v.Shape(&f.buf, WithoutVSS)
				}
			})
			if n != 0 {
				t.Errorf("%v allocations for a message, want 0", n)
			}
		})
	}
}

// Clients without number leave nothing in memory.
func TestCVE_2019_0031_R9915_37_NothingIsKept(t *testing.T) {
	f := feeds6()["solicit"]
	f.message = slices.Clone(f.message)
	var client uint32
	n := testing.AllocsPerRun(10, func() {
		for range 5000 {
			client++
			binary.BigEndian.PutUint32(f.message, 1<<24|client)   // transaction ID
			binary.BigEndian.PutUint32(f.message[4+4+6:], client) // DUID
			if v := f.once(); v.Reason != Relayed {
				t.Fatalf("got %v, want %v", v.Reason, Relayed)
			}
		}
	})
	if n != 0 {
		t.Errorf("%v allocations for 5000 clients, want 0", n)
	}
}

func BenchmarkRelay6(b *testing.B) {
	for name, f := range feeds6() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f.once()
			}
		})
	}
}
