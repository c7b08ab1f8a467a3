package shed

import (
	"sync/atomic"

	"github.com/cilium/ebpf/asm"

	"dhcp-relay/relay/host/skb"
)

func load(p *uint64) uint64     { return atomic.LoadUint64(p) }
func store(p *uint64, v uint64) { atomic.StoreUint64(p, v) }

// Labels in the program.
const (
	labelReject  = "share_reject"
	labelGate    = "share_gate"
	labelShed    = "share_shed"
	labelCounted = "share_counted"
	labelMoves   = "share_moves"
	labelShare   = "share_share"
	labelDue     = "share_due"
	labelTake    = "share_take"
	labelSecond  = "share_second"
	labelWithin  = "share_within"
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
	return append(is, asm.Mov.Imm(asm.R0, skb.PassAll), asm.Return())
}

// Front returns what stands in front of a filter that has its context in R6: it goes on
// to that with what may wait and is within the share of its interface, and ends the rest.
// It leaves nothing in the other registers.
func (g *Gate) Front() asm.Instructions {
	shed, admit := asm.FetchAdd.Mem(asm.R8, asm.R1, asm.DWord, offShed), asm.FetchAdd.Mem(asm.R8, asm.R1, asm.Word, offAdmitted)
	shed.Constant, admit.Constant = 0, 0 // additions that return nothing
	is := append(g.slot(), waiting()...)
	is = append(is, share()...)
	is = append(is, g.clients.rest()...)
	return append(is,
		asm.LoadMem(asm.R2, asm.RFP, atDue, asm.DWord).WithSymbol(labelTake),
		asm.Add.Reg(asm.R2, asm.R9),
		asm.StoreMem(asm.R8, offDue, asm.R2, asm.DWord),
		asm.Ja.Label(labelWithin),
		asm.Mov.Imm(asm.R1, 1).WithSymbol(labelShed),
		shed,
		asm.Mov.Imm(asm.R0, 0),
		asm.Return(),
		asm.Mov.Imm(asm.R1, 1).WithSymbol(labelWithin),
		admit,
	)
}

// slot points R7 to the board and R8 to the interface's slot, which it begins anew with
// the board's epoch.
func (g *Gate) slot() asm.Instructions {
	return asm.Instructions{
		asm.LoadMapValue(asm.R7, g.states.FD(), 0),
		asm.LoadMem(asm.R8, asm.R6, skb.Ifindex, asm.Word),
		asm.And.Imm(asm.R8, Slots-1),
		asm.Mul.Imm(asm.R8, sizeSlot),
		asm.Add.Reg(asm.R8, asm.R7),
		asm.Add.Imm(asm.R8, offSlots),
		asm.LoadMem(asm.R1, asm.R7, offEpochs, asm.Word),
		asm.LoadMem(asm.R2, asm.R8, offEpoch, asm.Word),
		asm.JEq.Reg(asm.R1, asm.R2, labelCounted),
		asm.StoreImm(asm.R8, offAdmitted, 0, asm.Word),
		asm.StoreImm(asm.R8, offRead, 0, asm.Word),
		asm.StoreImm(asm.R8, offSeen, -1, asm.Word),
		asm.StoreMem(asm.R8, offEpoch, asm.R1, asm.Word),
	}
}

// waiting goes on with what may wait to be read.
func waiting() asm.Instructions {
	return asm.Instructions{
		asm.LoadMem(asm.R9, asm.R8, offAdmitted, asm.Word).WithSymbol(labelCounted),
		asm.LoadMem(asm.R2, asm.R8, offRead, asm.Word),
		asm.Sub.Reg(asm.R9, asm.R2),
		asm.LSh.Imm(asm.R9, 32), // what waited before the epoch makes it less than 0
		asm.ArSh.Imm(asm.R9, 32),
		asm.LoadMem(asm.R1, asm.R7, offMost, asm.DWord),
		asm.JSGE.Reg(asm.R9, asm.R1, labelShed),
		asm.JSLT.Imm(asm.R9, Few, labelShare),
		asm.FnKtimeGetNs.Call(),
		asm.RSh.Imm(asm.R0, tickShift),
		asm.LoadMem(asm.R1, asm.R8, offRead, asm.Word),
		asm.LoadMem(asm.R2, asm.R8, offSeen, asm.Word),
		asm.JNE.Reg(asm.R1, asm.R2, labelMoves),
		asm.LoadMem(asm.R2, asm.R8, offSince, asm.Word),
		asm.Mov.Reg(asm.R1, asm.R0),
		asm.Sub.Reg(asm.R1, asm.R2),
		asm.LSh.Imm(asm.R1, 32),
		asm.RSh.Imm(asm.R1, 32),
		asm.JGT.Imm(asm.R1, stalled, labelShed),
		asm.Ja.Label(labelShare),
		asm.StoreMem(asm.R8, offSeen, asm.R1, asm.Word).WithSymbol(labelMoves),
		asm.StoreMem(asm.R8, offSince, asm.R0, asm.Word),
	}
}

// share goes on with what is within the interface's share, to labelWithin where there is
// none, and to labelTake with what takes of the first half of what may be ahead. It leaves
// R9 the time between messages, and notes the time and when the message is due.
func share() asm.Instructions {
	return asm.Instructions{
		asm.LoadMem(asm.R9, asm.R7, offEach, asm.DWord).WithSymbol(labelShare),
		asm.JEq.Imm(asm.R9, 0, labelWithin),
		asm.FnKtimeGetNs.Call(),
		asm.LoadMem(asm.R1, asm.R7, offUntil, asm.DWord),
		asm.JGT.Reg(asm.R0, asm.R1, labelWithin),
		asm.LoadMem(asm.R2, asm.R8, offDue, asm.DWord),
		asm.JGE.Reg(asm.R2, asm.R0, labelDue), // tokens are owed
		asm.Mov.Reg(asm.R2, asm.R0),
		asm.StoreMem(asm.RFP, atDue, asm.R2, asm.DWord).WithSymbol(labelDue),
		asm.StoreMem(asm.RFP, atNow, asm.R0, asm.DWord),
		asm.Sub.Reg(asm.R2, asm.R0),
		asm.LoadMem(asm.R4, asm.R7, offAhead, asm.DWord),
		asm.JGT.Reg(asm.R2, asm.R4, labelShed),
		asm.RSh.Imm(asm.R4, 1),
		asm.JLE.Reg(asm.R2, asm.R4, labelTake),
	}
}
