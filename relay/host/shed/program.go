package shed

import (
	"sync/atomic"

	"github.com/cilium/ebpf/asm"
)

func load(p *uint64) uint64     { return atomic.LoadUint64(p) }
func store(p *uint64, v uint64) { atomic.StoreUint64(p, v) }

// Labels in the program.
const (
	labelReject = "share_reject"
	labelGate   = "share_gate"
	labelShed   = "share_shed"
	labelWithin = "share_within"
	labelDue    = "share_due"
)

// program returns the filter of a socket that has no other one.
func (g *Gate) program(first byte, only bool) asm.Instructions {
	const at = -8 // on the stack
	empty, other, same := labelGate, labelGate, labelReject
	if only {
		empty, other, same = labelReject, labelReject, labelGate
	}
	is := asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.Mov.Imm(asm.R2, udpHeader),
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, at),
		asm.Mov.Imm(asm.R4, 1),
		asm.FnSkbLoadBytes.Call(),
		asm.JNE.Imm(asm.R0, 0, empty),
		asm.LoadMem(asm.R1, asm.RFP, at, asm.Byte),
		asm.JEq.Imm(asm.R1, int32(first), same),
		asm.Ja.Label(other),
		asm.Mov.Imm(asm.R0, 0).WithSymbol(labelReject),
		asm.Return(),
	}
	gate := g.Front()
	gate[0] = gate[0].WithSymbol(labelGate)
	is = append(is, gate...)
	return append(is, asm.Mov.Imm(asm.R0, passAll), asm.Return())
}

// Front returns what stands in front of a filter that has its context in R6: it goes on
// to that with what is within the share of its interface, and ends the rest. It leaves
// nothing in the other registers.
func (g *Gate) Front() asm.Instructions {
	shed := asm.FetchAdd.Mem(asm.R8, asm.R1, asm.DWord, offShed)
	shed.Constant = 0 // an addition that returns nothing
	return asm.Instructions{
		asm.LoadMapValue(asm.R7, g.states.FD(), 0),
		asm.LoadMem(asm.R9, asm.R7, offEach, asm.DWord),
		asm.JEq.Imm(asm.R9, 0, labelWithin),
		asm.FnKtimeGetNs.Call(),
		asm.LoadMem(asm.R1, asm.R7, offUntil, asm.DWord),
		asm.JGT.Reg(asm.R0, asm.R1, labelWithin),
		asm.LoadMem(asm.R8, asm.R6, skbIfindex, asm.Word),
		asm.And.Imm(asm.R8, Slots-1),
		asm.Mul.Imm(asm.R8, sizeSlot),
		asm.Add.Reg(asm.R8, asm.R7),
		asm.Add.Imm(asm.R8, offSlots),
		asm.LoadMem(asm.R2, asm.R8, offDue, asm.DWord),
		asm.JGE.Reg(asm.R2, asm.R0, labelDue), // tokens are owed
		asm.Mov.Reg(asm.R2, asm.R0),
		asm.Mov.Reg(asm.R3, asm.R2).WithSymbol(labelDue),
		asm.Sub.Reg(asm.R3, asm.R0),
		asm.LoadMem(asm.R4, asm.R7, offAhead, asm.DWord),
		asm.JGT.Reg(asm.R3, asm.R4, labelShed),
		asm.Add.Reg(asm.R2, asm.R9),
		asm.StoreMem(asm.R8, offDue, asm.R2, asm.DWord),
		asm.Ja.Label(labelWithin),
		asm.Mov.Imm(asm.R1, 1).WithSymbol(labelShed),
		shed,
		asm.Mov.Imm(asm.R0, 0),
		asm.Return(),
		asm.Mov.Imm(asm.R0, 0).WithSymbol(labelWithin),
	}
}
