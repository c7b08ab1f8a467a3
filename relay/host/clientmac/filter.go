package clientmac

import (
	"encoding/binary"

	"github.com/cilium/ebpf/asm"

	"dhcp-relay/relay/host/skb"
)

// Places in what the filter sees, in octets. A socket's filter is given the
// datagram from the UDP header on, and may ask for what is before it:
//
//	 0 Ethernet   0 destination | 6 source | 12 type
//	14 IPv6       0 version, class, label | 4 length | 6 next header
//	              7 hop limit | 8 source | 24 destination  (RFC 8200, section 3)
//	14 IPv4       4 identification | 6 fragment | 8 TTL | 9 protocol | 10 checksum
//	              12 source | 16 destination  (RFC 791, section 3.1)
//
// Of the IP header 16 octets are looked at: the source of IPv6, and those of IPv4 up to
// its end.
const (
	offMAC     = 6
	offType    = 12
	offIP      = 14
	offLook6   = 8 // from the IPv6 header on
	offLook4   = 4 // from the IPv4 header on
	sizeLook   = 16
	sizeFrame  = offIP + offLook6 + sizeLook // of both
	offMessage = 8                           // from the UDP header on
	offXID4    = 4                           // in a BOOTP message (RFC 951, section 3)
	offChaddr  = 28                          // as above
	sizeChaddr = 16
)

// Places on the filter's stack, from its end. What is read as a word is aligned
// to it: the address in the frame, the source address behind it, and the key.
const (
	atFrame = -62
	atMAC   = atFrame + offMAC
	atType  = atFrame + offType
	atCopy  = -24
	atIndex = -24
	atHead  = -8
	atScope = atHead + sizeHead
)

// Types of Ethernet frames.
const (
	typeIPv6 = 0x86dd
	typeIPv4 = 0x0800
)

// The messages that relays send (RFC 9915, section 7.3). No client did, so none
// is noted.
const (
	typeRelayForward = 12
	typeRelayReply   = 13
)

// Labels in the program.
const (
	labelPass   = "pass"
	labelReject = "reject"
	labelShort  = "short"
	labelTyped  = "typed"
)

// A filter says what the program does.
type filter struct {
	sets   int              // descriptor of the map of sets
	log    int              // of their number
	seed   uint64           // of the hash
	device uint32           // scope of all messages, 0: the interface that they came by
	reject []byte           // message types that are not let through
	front  asm.Instructions // go first, with the context in R6; what ends there is not noted
	v4     bool             // the messages are of BOOTP and DHCPv4, else of DHCPv6
}

// program returns the program: messages of the types in reject end here, all
// others are let through whole, whatever becomes of the note.
func (f filter) program() asm.Instructions {
	is := concat(f.types(), f.frame(), f.scope(), f.lookup(), write(), asm.Instructions{
		asm.Mov.Imm(asm.R0, skb.PassAll).WithSymbol(labelPass),
		asm.Return(),
	})
	if len(f.reject) == 0 {
		return is // the kernel takes no code that nothing leads to
	}
	return append(is, asm.Mov.Imm(asm.R0, 0).WithSymbol(labelReject), asm.Return())
}

// types keeps the context in R6, loads the message's head, and leaves if the type
// calls for it.
func (f filter) types() asm.Instructions {
	if f.v4 {
		return f.types4()
	}
	// A message too short to have a transaction ID is not noted.
	short := skb.Load(offMessage, atHead, 1)
	short[0] = short[0].WithSymbol(labelShort)
	return concat(
		asm.Instructions{asm.Mov.Reg(asm.R6, asm.R1)},
		f.front,
		skb.Load(offMessage, atHead, sizeHead),
		asm.Instructions{asm.JNE.Imm(asm.R0, 0, labelShort)},
		f.rejects(),
		asm.Instructions{
			asm.JEq.Imm(asm.R7, typeRelayForward, labelPass),
			asm.JEq.Imm(asm.R7, typeRelayReply, labelPass),
			asm.Ja.Label(labelTyped),
		},
		short,
		asm.Instructions{asm.JNE.Imm(asm.R0, 0, labelPass)},
		f.rejects(),
		asm.Instructions{asm.Ja.Label(labelPass)},
	)
}

// types4 is types for messages of BOOTP, all of whose transaction IDs and client
// addresses are noted.
func (f filter) types4() asm.Instructions {
	return concat(
		asm.Instructions{asm.Mov.Reg(asm.R6, asm.R1)},
		f.front,
		skb.Load(offMessage, atHead, 1),
		asm.Instructions{asm.JNE.Imm(asm.R0, 0, labelPass)},
		f.rejects(),
		skb.Load(offMessage+offXID4, atHead, sizeHead),
		asm.Instructions{asm.JNE.Imm(asm.R0, 0, labelPass)},
	)
}

// rejects loads the type into R7 and leaves if it is not to be let through.
func (f filter) rejects() asm.Instructions {
	is := make(asm.Instructions, 1, 1+len(f.reject))
	is[0] = asm.LoadMem(asm.R7, asm.RFP, atHead, asm.Byte)
	for _, t := range f.reject {
		is = append(is, asm.JEq.Imm(asm.R7, int32(t), labelReject))
	}
	return is
}

// frame loads the frame's head and leaves unless it is Ethernet with IP right
// behind it, from a station's address. Devices without link-layer headers say
// that the frame begins with the IP header or with that of a tunnel. Then what
// lies where the IP header should be is not the IP header. It leaves in R8 and R9 what
// else there is to the key: the source of IPv6, or chaddr.
func (f filter) frame() asm.Instructions {
	etherType, look, size := hostOrder(typeIPv6), int32(offLook6), asm.DWord
	known := skb.LoadFrom(skb.FromMAC, 0, atFrame, sizeFrame)
	if f.v4 {
		etherType, look, size = hostOrder(typeIPv4), offLook4, asm.Word // as it is aligned
	} else {
		known[0] = known[0].WithSymbol(labelTyped)
	}
	at := int16(atFrame + offIP + look)
	return concat(
		known,
		asm.Instructions{
			asm.JNE.Imm(asm.R0, 0, labelPass),
			asm.LoadMem(asm.R1, asm.RFP, atType, asm.Half),
			asm.JNE.Imm(asm.R1, etherType, labelPass),
		},
		skb.LoadFrom(skb.FromNetwork, look, atCopy, sizeLook),
		asm.Instructions{
			asm.JNE.Imm(asm.R0, 0, labelPass),
		},
		same(at, atCopy, size),
		f.client(at),
		asm.Instructions{
			// A group address sends nothing, and zero is what loopback has.
			asm.LoadMem(asm.R1, asm.RFP, atMAC, asm.Byte),
			asm.And.Imm(asm.R1, 1),
			asm.JNE.Imm(asm.R1, 0, labelPass),
			asm.LoadMem(asm.R1, asm.RFP, atMAC, asm.Word),
			asm.LoadMem(asm.R2, asm.RFP, atMAC+4, asm.Half),
			asm.Or.Reg(asm.R1, asm.R2),
			asm.JEq.Imm(asm.R1, 0, labelPass),
		},
	)
}

// same leaves unless sizeLook octets on the stack are the same as others, which are
// compared in words of a size.
func same(at, as int16, size asm.Size) (is asm.Instructions) {
	for off := int16(0); off < sizeLook; off += int16(size.Sizeof()) {
		is = append(is,
			asm.LoadMem(asm.R2, asm.RFP, at+off, size),
			asm.LoadMem(asm.R1, asm.RFP, as+off, size),
			asm.JNE.Reg(asm.R2, asm.R1, labelPass),
		)
	}
	return is
}

// client loads the rest of the key.
func (f filter) client(source int16) asm.Instructions {
	from := source
	var is asm.Instructions
	if f.v4 {
		is = append(skb.Load(offMessage+offChaddr, atCopy, sizeChaddr), asm.JNE.Imm(asm.R0, 0, labelPass))
		from = atCopy
	}
	return append(is,
		asm.LoadMem(asm.R8, asm.RFP, from, asm.DWord),
		asm.LoadMem(asm.R9, asm.RFP, from+8, asm.DWord),
	)
}

// scope completes the key: R7 has the head, R8 and R9 the source.
func (f filter) scope() asm.Instructions {
	scope := asm.LoadImm(asm.R1, int64(f.device), asm.DWord)
	if f.device == 0 {
		scope = asm.LoadMem(asm.R1, asm.R6, skb.Ifindex, asm.Word)
	}
	return asm.Instructions{
		scope,
		asm.StoreMem(asm.RFP, atScope, asm.R1, asm.Word),
		asm.LoadMem(asm.R7, asm.RFP, atHead, asm.DWord),
	}
}

// lookup points R5 to the head and R6 to the note that are to be written, and puts
// the cursor into the stamp. Two CPUs never have the same cursor.
func (f filter) lookup() asm.Instructions {
	return asm.Instructions{
		// key.index
		asm.LoadImm(asm.R1, int64(f.seed), asm.DWord),
		asm.LoadImm(asm.R2, -(1<<64 - multiplier), asm.DWord),
		asm.Xor.Reg(asm.R1, asm.R7),
		asm.Mul.Reg(asm.R1, asm.R2),
		asm.Mov.Reg(asm.R3, asm.R1),
		asm.RSh.Imm(asm.R3, 32),
		asm.Xor.Reg(asm.R1, asm.R3),
		asm.Xor.Reg(asm.R1, asm.R8),
		asm.Mul.Reg(asm.R1, asm.R2),
		asm.Mov.Reg(asm.R3, asm.R1),
		asm.RSh.Imm(asm.R3, 32),
		asm.Xor.Reg(asm.R1, asm.R3),
		asm.Xor.Reg(asm.R1, asm.R9),
		asm.Mul.Reg(asm.R1, asm.R2),
		asm.Mov.Reg(asm.R3, asm.R1),
		asm.RSh.Imm(asm.R3, 32),
		asm.Xor.Reg(asm.R1, asm.R3),
		asm.Mul.Reg(asm.R1, asm.R2),
		asm.RSh.Imm(asm.R1, int32(64-f.log)),

		asm.StoreMem(asm.RFP, atIndex, asm.R1, asm.Word),
		asm.LoadMapPtr(asm.R1, f.sets),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, atIndex),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, labelPass),

		asm.Mov.Reg(asm.R6, asm.R0),
		asm.Mov.Imm(asm.R1, 1),
		atomically(asm.FetchAdd, asm.R0, asm.R1, 0),
		asm.StoreMem(asm.RFP, atType, asm.R1, asm.Half),
		asm.Mod.Imm(asm.R1, ways),
		asm.JGT.Imm(asm.R1, ways-1, labelPass), // never; the kernel does not see that
		asm.Mov.Reg(asm.R5, asm.R1),
		asm.Mul.Imm(asm.R5, headSize),
		asm.Add.Imm(asm.R5, offHeads),
		asm.Add.Reg(asm.R5, asm.R6),
		asm.Mul.Imm(asm.R1, noteSize),
		asm.Add.Imm(asm.R1, offNotes),
		asm.Add.Reg(asm.R6, asm.R1),
	}
}

// write writes the note, unless another CPU still does. The two exchanges are
// full barriers, so nobody sees the new key with the old stamp or the old key
// with the new one.
func write() asm.Instructions {
	return asm.Instructions{
		asm.LoadMem(asm.R3, asm.RFP, atMAC, asm.DWord),
		asm.LoadMem(asm.R0, asm.R6, offStamp, asm.DWord),
		asm.JEq.Imm(asm.R0, busy, labelPass),
		asm.Mov.Reg(asm.R1, asm.R0),
		asm.Mov.Imm(asm.R2, busy),
		atomically(asm.CmpXchg, asm.R6, asm.R2, offStamp),
		asm.JNE.Reg(asm.R0, asm.R1, labelPass),
		asm.StoreMem(asm.R5, 0, asm.R7, asm.DWord),
		asm.StoreMem(asm.R6, offSrc, asm.R8, asm.DWord),
		asm.StoreMem(asm.R6, offSrc+8, asm.R9, asm.DWord),
		atomically(asm.Xchg, asm.R6, asm.R3, offStamp),
	}
}

// atomically is op.Mem for a word. The library (0.22) encodes all such operations
// as additions unless the constant says already which is meant.
func atomically(op asm.AtomicOp, dst, src asm.Register, off int16) asm.Instruction {
	i := op.Mem(dst, src, asm.DWord, off)
	i.Constant = int64(op >> 8)
	return i
}

// hostOrder returns what a load of 2 octets yields that hold v in network order.
func hostOrder(v uint16) int32 {
	return int32(binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, v)))
}

func concat(parts ...asm.Instructions) asm.Instructions {
	var all asm.Instructions
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}
