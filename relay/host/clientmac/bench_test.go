package clientmac

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/vishvananda/netlink"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/host/skb"
	"dhcp-relay/relay/host/udp"
)

const benchClients = 8192

// messages returns the clients' messages, so that the making of them is not
// measured.
func messages(n int) (cs []client, ms [][]byte) {
	for i := range n {
		cs = append(cs, nth(i))
		ms = append(ms, nth(i).message(typeSolicit))
	}
	return cs, ms
}

func BenchmarkLookup(b *testing.B) {
	r := newSpace(b)
	w := r.cable("client0")
	c := r.relay("", w.link)
	table := needTable(b, logSets)
	s := table.mustAttach(b, c)
	cs, ms := messages(benchClients)
	for i := range cs {
		w.send(cs[i].solicit())
	}
	read(b, c, len(cs), func(*udp.Datagram) {})
	for _, bc := range []struct {
		name string
		link int
		want bool
	}{{"known", w.link, true}, {"unknown", w.link + 1, false}} {
		b.Run(bc.name, func(b *testing.B) {
			b.ReportAllocs()
			const batch = 128
			qs := make([]Query, batch)
			i := 0
			for b.Loop() {
				for k := range qs {
					qs[k] = Query{Link: bc.link, Src: cs[i+k].src, Message: ms[i+k]}
				}
				s.Answer(qs)
				for k := range qs {
					if qs[k].Known != bc.want {
						b.Fatal("got", qs[k].Known)
					}
				}
				i = (i + batch) % len(cs)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch, "ns/message")
		})
	}
}

// What Lookup would cost by system call.
func BenchmarkLookupLRU(b *testing.B) {
	m := lruMap(b)
	cs, ms := messages(benchClients)
	var val uint64
	for i := range cs {
		k := newKey(1, cs[i].src, ms[i])
		if err := m.Put(&k, &val); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		k := newKey(1, cs[i].src, ms[i])
		if err := m.Lookup(&k, &val); err != nil {
			b.Fatal(err)
		}
		i = (i + 1) % len(cs)
	}
}

func lruMap(b *testing.B) *ebpf.Map {
	b.Helper()
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.LRUHash, KeySize: 24, ValueSize: 8, MaxEntries: 65536})
	if errors.Is(err, unix.EPERM) {
		netns.Need(b, "CAP_BPF", err)
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = m.Close() })
	return m
}

func BenchmarkNeighboursLookup(b *testing.B) {
	n := &Neighbours{}
	cs, _ := messages(benchClients)
	for i := range cs {
		n.learn(neighbour{1, cs[i].src}, cs[i].mac)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, ok := n.lookup(neighbour{1, cs[i].src}); !ok {
			b.Fatal("unknown")
		}
		i = (i + 1) % len(cs)
	}
}

// What a change in the kernel's table costs when there are as many neighbours as
// it takes by default, and many more.
func BenchmarkNeighboursLearn(b *testing.B) {
	for _, size := range []int{1024, 100_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			n := &Neighbours{}
			for i := range size {
				n.learn(neighbour{1, nth(i).src}, nth(i).mac)
			}
			for b.Loop() {
				n.learn(neighbour{1, nth(7).src}, mac{2, 9, 9, 9, 9, 9})
				n.learn(neighbour{1, nth(7).src}, nth(7).mac)
			}
		})
	}
}

// What a message costs to send and receive, and the filter alone by the kernel's
// own count, of which the empty one is what the counting takes.
func BenchmarkReceive(b *testing.B) {
	lru := func(b *testing.B) asm.Instructions {
		f := filter{log: logSets, reject: []byte{13}}
		return concat(f.types(), f.frame(), f.scope(), noteLRU(lruMap(b)), asm.Instructions{
			asm.Mov.Imm(asm.R0, skb.PassAll).WithSymbol(labelPass),
			asm.Return(),
			asm.Mov.Imm(asm.R0, 0).WithSymbol(labelReject),
			asm.Return(),
		})
	}
	for _, bc := range []struct {
		name   string
		attach func(b *testing.B, c *udp.Conn) *ebpf.Program
	}{
		{"no filter", func(*testing.B, *udp.Conn) *ebpf.Program { return nil }},
		{"classic", func(b *testing.B, c *udp.Conn) *ebpf.Program { classic(b, c); return nil }},
		{"empty", func(b *testing.B, c *udp.Conn) *ebpf.Program {
			return attachProgram(b, c, asm.Instructions{asm.Mov.Imm(asm.R0, skb.PassAll), asm.Return()})
		}},
		{"mapped", func(b *testing.B, c *udp.Conn) *ebpf.Program {
			t := needTable(b, logSets, 13)
			t.mustAttach(b, c)
			return t.prog
		}},
		{"LRU", func(b *testing.B, c *udp.Conn) *ebpf.Program { return attachProgram(b, c, lru(b)) }},
	} {
		b.Run(bc.name, func(b *testing.B) {
			r := newSpace(b)
			w := r.cable("client0")
			c := r.relay("", w.link)
			p := bc.attach(b, c)
			var frames [][]byte
			for i := range benchClients {
				frames = append(frames, nth(i).solicit())
			}
			if p != nil {
				stats, err := ebpf.EnableStats(unix.BPF_STATS_RUN_TIME)
				if err != nil {
					b.Fatal(err)
				}
				defer func() { _ = stats.Close() }()
			}
			ds := udp.NewBatch(256)
			i := 0
			for b.Loop() {
				_ = w.trySend(frames[i%len(frames)])
				if i++; i%256 == 0 {
					readInto(b, ds, c, 256, func(*udp.Datagram) {})
				}
			}
			if p == nil {
				return
			}
			st, err := p.Stats()
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(st.Runtime.Nanoseconds())/float64(max(st.RunCount, 1)), "filter-ns/op")
		})
	}
}

func attachProgram(b *testing.B, c *udp.Conn, is asm.Instructions) *ebpf.Program {
	b.Helper()
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SocketFilter, Instructions: is, License: "BSD"})
	if errors.Is(err, unix.EPERM) {
		netns.Need(b, "CAP_BPF", err)
	}
	if err != nil {
		b.Fatalf("%+v", err)
	}
	b.Cleanup(func() { _ = p.Close() })
	(&Table{prog: p}).mustAttach(b, c)
	return p
}

// noteLRU writes the note into an LRU hash map.
func noteLRU(m *ebpf.Map) asm.Instructions {
	return asm.Instructions{
		asm.StoreMem(asm.RFP, -32, asm.R7, asm.DWord),
		asm.StoreMem(asm.RFP, -24, asm.R8, asm.DWord),
		asm.StoreMem(asm.RFP, -16, asm.R9, asm.DWord),
		asm.LoadMapPtr(asm.R1, m.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, -32),
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, atMAC),
		asm.Mov.Imm(asm.R4, 0),
		asm.FnMapUpdateElem.Call(),
	}
}

// classic attaches the classic filter that rejects Relay-reply.
func classic(b *testing.B, c *udp.Conn) {
	b.Helper()
	raw, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: offMessage, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: typeRelayReply, SkipFalse: 1},
		bpf.RetConstant{Val: 0},
		bpf.RetConstant{Val: 0xffffffff},
	})
	if err != nil {
		b.Fatal(err)
	}
	var prog []unix.SockFilter
	for _, i := range raw {
		prog = append(prog, unix.SockFilter{Code: i.Op, Jt: i.Jt, Jf: i.Jf, K: i.K})
	}
	err = c.SyscallConn().Control(func(fd uintptr) {
		if err := unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{
			Len: uint16(len(prog)), Filter: &prog[0],
		}); err != nil {
			b.Error(err)
		}
	})
	if err != nil {
		b.Fatal(err)
	}
}

// How long it takes until the kernel, asked to solicit a client, knows it, and
// what it costs to ask. The client is one cable away and answers at once.
func BenchmarkSolicitation(b *testing.B) {
	r, host := newSpace(b), newSpace(b)
	link, _, cl := r.ends(host)
	n := &Neighbours{}
	r.follow(n)
	var asking time.Duration
	for b.Loop() {
		e := r.neigh(link, cl.src, cl.mac)
		e.State, e.HardwareAddr, e.Flags = 0, nil, netlink.NTF_USE
		begin := time.Now()
		r.Must(r.NL.NeighSet(e))
		asking += time.Since(begin)
		for !n.knows(link, cl) {
			time.Sleep(5 * time.Microsecond)
		}
		b.StopTimer()
		r.Must(r.NL.NeighDel(e))
		eventually(b, "end of the neighbour", func() bool { return !n.knows(link, cl) })
		b.StartTimer()
	}
	b.ReportMetric(float64(asking.Nanoseconds())/float64(b.N), "asking-ns/op")
}

// What it costs to ask the kernel's table for one neighbour.
func BenchmarkNeighboursBySyscall(b *testing.B) {
	r := newSpace(b)
	link := r.cable("client0").link
	r.Must(r.NL.NeighSet(r.neigh(link, nth(1).src, nth(1).mac)))
	b.ReportAllocs()
	r.Do(func() error {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }()
		// nlmsghdr, ndmsg, NDA_DST
		req := make([]byte, 16+12+20)
		binary.NativeEndian.PutUint32(req[0:], uint32(len(req)))
		binary.NativeEndian.PutUint16(req[4:], unix.RTM_GETNEIGH)
		binary.NativeEndian.PutUint16(req[6:], unix.NLM_F_REQUEST)
		req[16] = unix.AF_INET6
		binary.NativeEndian.PutUint32(req[20:], uint32(link))
		binary.NativeEndian.PutUint16(req[28:], 20)
		binary.NativeEndian.PutUint16(req[30:], unix.NDA_DST)
		copy(req[32:], nth(1).src.AsSlice())
		kernel := &unix.SockaddrNetlink{Family: unix.AF_NETLINK}
		answer := make([]byte, 4096)
		for b.Loop() {
			if err := unix.Sendto(fd, req, 0, kernel); err != nil {
				return err
			}
			n, err := unix.Read(fd, answer)
			if err != nil {
				return err
			}
			if t := binary.NativeEndian.Uint16(answer[4:]); n < 28 || t != unix.RTM_NEWNEIGH {
				return fmt.Errorf("answer of %d octets and type %d", n, t)
			}
		}
		return nil
	})
}
