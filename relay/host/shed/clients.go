package shed

import (
	"math/rand/v2"

	"github.com/cilium/ebpf/asm"

	"dhcp-relay/relay/host/skb"
)

// Clients tell by what the clients of an interface are told apart, so that one which sends
// much leaves half of what may be ahead to the others.
type Clients uint8

// Ways to tell clients apart.
const (
	NoClients Clients = iota // what comes is from servers
	ByChaddr                 // DHCPv4
	BySource                 // DHCPv6
)

// A client may send one of so many messages of its interface, and so many at once, before
// it counts as one that sends much.
const (
	logPart  = 4
	logAhead = 4
)

// logPlaces is the binary logarithm of the number of clients' places. Each client has
// two, so that hardly any has both in common with one that sends much.
const logPlaces = 12

// Places on the stack, from its end.
const (
	atNow    = -8
	atDue    = -16
	atClient = -32 // 16 octets
	atType   = atClient - 4
)

// Places in messages, from the UDP header or the IPv6 header on, and values there.
const (
	offChaddr    = udpHeader + 28
	offSource    = 8
	relayForward = 12
)

// rest goes on with what takes of the rest of what may be ahead: no message that is none,
// and none of a client that sends much. What stands for many clients is none.
func (c Clients) rest() asm.Instructions {
	var key asm.Instructions
	switch c {
	case NoClients:
		return nil
	case ByChaddr:
		key = append(skb.Load(offChaddr, atClient, 16),
			asm.JNE.Imm(asm.R0, 0, labelShed),
			asm.LoadMem(asm.R1, asm.RFP, atClient, asm.DWord),
			asm.JEq.Imm(asm.R1, 0, labelTake), // as on InfiniBand (RFC 4390, section 2.1)
		)
	case BySource:
		key = append(skb.Load(udpHeader, atType, 4),
			asm.JNE.Imm(asm.R0, 0, labelShed),
			asm.LoadMem(asm.R1, asm.RFP, atType, asm.Byte),
			asm.JEq.Imm(asm.R1, relayForward, labelTake),
		)
		key = append(append(key, skb.LoadFrom(skb.FromNetwork, offSource, atClient, 16)...),
			asm.JNE.Imm(asm.R0, 0, labelTake),
			asm.LoadMem(asm.R1, asm.RFP, atClient, asm.DWord),
		)
	}
	key = append(key, places()...)
	key = append(key, withinPlace(asm.R1, labelSecond)...)
	second := withinPlace(asm.R3, labelShed)
	second[0] = second[0].WithSymbol(labelSecond)
	return append(key, second...)
}

// places makes R1, of the address, which is also on the stack, and R3 the numbers of a
// client's places.
func places() asm.Instructions {
	return asm.Instructions{
		asm.LoadMem(asm.R2, asm.R6, skb.Ifindex, asm.Word),
		asm.LoadImm(asm.R3, int64(rand.Uint64()), asm.DWord), //nolint:gosec // G404: it is no secret, but others cannot reckon with it
		asm.LoadImm(asm.R4, multiplier, asm.DWord),
		asm.Xor.Reg(asm.R1, asm.R3),
		asm.Xor.Reg(asm.R1, asm.R2),
		asm.Mul.Reg(asm.R1, asm.R4),
		asm.Mov.Reg(asm.R3, asm.R1),
		asm.RSh.Imm(asm.R3, 32),
		asm.Xor.Reg(asm.R1, asm.R3),
		asm.LoadMem(asm.R2, asm.RFP, atClient+8, asm.DWord),
		asm.Xor.Reg(asm.R1, asm.R2),
		asm.Mul.Reg(asm.R1, asm.R4),
		asm.Mov.Reg(asm.R3, asm.R1),
		asm.RSh.Imm(asm.R1, 64-logPlaces),
		asm.RSh.Imm(asm.R3, 64-2*logPlaces),
		asm.And.Imm(asm.R3, 1<<logPlaces-1),
	}
}

// multiplier spreads the bits of a key.
const multiplier = 0x1e3779b97f4a7c15

// withinPlace goes on to labelTake with a message that the place with a number has a token
// for, else to a label. It keeps R3.
func withinPlace(number asm.Register, otherwise string) asm.Instructions {
	const due, until, now = asm.R4, asm.R5, asm.R2
	taken := otherwise + "_taken" // of tokens, some are owed
	return asm.Instructions{
		asm.LSh.Imm(number, 3),
		asm.Add.Reg(number, asm.R7),
		asm.Add.Imm(number, offPlaces),
		asm.LoadMem(now, asm.RFP, atNow, asm.DWord),
		asm.LoadMem(due, number, 0, asm.DWord),
		asm.JGE.Reg(due, now, taken),
		asm.Mov.Reg(due, now),
		asm.Mov.Reg(until, asm.R9).WithSymbol(taken),
		asm.LSh.Imm(until, logPart+logAhead),
		asm.Add.Reg(until, now),
		asm.JGT.Reg(due, until, otherwise),
		asm.Mov.Reg(until, asm.R9),
		asm.LSh.Imm(until, logPart),
		asm.Add.Reg(due, until),
		asm.StoreMem(number, 0, due, asm.DWord),
		asm.Ja.Label(labelTake),
	}
}
