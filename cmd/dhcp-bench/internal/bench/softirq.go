package bench

import (
	"errors"
	"fmt"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
)

// A meter measures how long a relay's processor has worked in its name for the
// hosts that it sends to. On veth the receiver's side of a send, up to its
// socket, is done in a softirq in the course of the sender's system call, and the
// kernel charges it to the sender. On a wire that is another host's work, so no
// relay's processor time has it in it.
//
// Two programs stand at the beginning and the end of each softirq; they cost some
// 0.1 µs for each, which a relay that sends one by one pays with each message.
// To steer that work to the load's processor (RPS) was tried, and made all
// relays slower: in a virtual machine an interrupt from processor to processor
// costs 2 to 3 µs, more than the work that it hands over.
type meter struct {
	book  *ebpf.Map
	progs []*ebpf.Program
	links []link.Link
}

// An entry is what the programs and the lab share.
type entry struct{ Began, Process, Spent uint64 }

const (
	offBegan, offProcess, offSpent = 0, 8, 16

	netRX = 3 // NET_RX_SOFTIRQ
)

// newMeter measures one processor.
func newMeter(core int) (m *meter, err error) {
	m = &meter{}
	if m.book, err = ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 24, MaxEntries: 1}); err != nil {
		return nil, fmt.Errorf("measure softirqs: %w", err)
	}
	for _, p := range []struct {
		event string
		body  asm.Instructions
	}{{"softirq_entry", m.entry()}, {"softirq_exit", m.exit()}} {
		if err := m.attach(p.event, core, p.body); err != nil {
			return nil, errors.Join(fmt.Errorf("measure softirqs: %w", err), m.close())
		}
	}
	return m, nil
}

// attach puts a program at an event, for softirqs of one kind on one processor.
func (m *meter) attach(event string, core int, body asm.Instructions) error {
	is := asm.Instructions{
		asm.LoadMem(asm.R6, asm.R1, 0, asm.DWord), // the softirq's number
		asm.JNE.Imm(asm.R6, netRX, "out"),
		asm.FnGetSmpProcessorId.Call(),
		asm.JNE.Imm(asm.R0, int32(core), "out"),
		asm.FnKtimeGetNs.Call(),
		asm.Mov.Reg(asm.R7, asm.R0),
		asm.LoadMapValue(asm.R8, m.book.FD(), 0),
	}
	is = append(is, body...)
	is = append(is, asm.Mov.Imm(asm.R0, 0).WithSymbol("out"), asm.Return())
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.RawTracepoint, Instructions: is, License: "GPL"})
	if err != nil {
		return err
	}
	m.progs = append(m.progs, p)
	l, err := link.AttachRawTracepoint(link.RawTracepointOptions{Name: event, Program: p})
	if err != nil {
		return err
	}
	m.links = append(m.links, l)
	return nil
}

// entry notes the time.
func (m *meter) entry() asm.Instructions {
	return asm.Instructions{asm.StoreMem(asm.R8, offBegan, asm.R7, asm.DWord)}
}

// exit adds what has passed, if it was the process in whose course it was.
func (m *meter) exit() asm.Instructions {
	return asm.Instructions{
		asm.FnGetCurrentPidTgid.Call(),
		asm.RSh.Imm(asm.R0, 32),
		asm.LoadMem(asm.R1, asm.R8, offProcess, asm.DWord),
		asm.JNE.Reg(asm.R0, asm.R1, "out"),
		asm.LoadMem(asm.R1, asm.R8, offBegan, asm.DWord),
		asm.Sub.Reg(asm.R7, asm.R1),
		asm.LoadMem(asm.R1, asm.R8, offSpent, asm.DWord),
		asm.Add.Reg(asm.R1, asm.R7),
		asm.StoreMem(asm.R8, offSpent, asm.R1, asm.DWord),
	}
}

// watch begins anew, with a process.
func (m *meter) watch(pid int) error {
	return m.book.Put(uint32(0), entry{Process: uint64(pid)})
}

// spent returns the time since watch.
func (m *meter) spent() time.Duration {
	var e entry
	if m.book.Lookup(uint32(0), &e) != nil {
		return 0
	}
	return time.Duration(e.Spent)
}

func (m *meter) close() error {
	var errs []error
	for _, l := range m.links {
		errs = append(errs, l.Close())
	}
	for _, p := range m.progs {
		errs = append(errs, p.Close())
	}
	if m.book != nil {
		errs = append(errs, m.book.Close())
	}
	return errors.Join(errs...)
}
