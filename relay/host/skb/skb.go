// Package skb has what socket filters share: where the kernel keeps things of a message,
// and how a filter gets at them. It decides nothing.
package skb

import "github.com/cilium/ebpf/asm"

// Ifindex is where the index of the interface is in the kernel's struct __sk_buff, in
// octets.
const Ifindex = 40

// PassAll is what a filter returns that lets a message pass whole.
const PassAll = -1

// A Header is one in front of a datagram, from which places can be counted. The values
// are the kernel's.
type Header int32

// The headers.
const (
	FromMAC     Header = 0 // BPF_HDR_START_MAC
	FromNetwork Header = 1 // BPF_HDR_START_NET
)

// Load copies n octets of a datagram, from its UDP header on, to a place on the stack. The
// context is in R6. R0 is not 0 if there are fewer.
func Load(off, at, n int32) asm.Instructions {
	return append(arguments(off, at, n), asm.FnSkbLoadBytes.Call())
}

// LoadFrom is Load with off counted from a header in front of the datagram.
func LoadFrom(h Header, off, at, n int32) asm.Instructions {
	return append(arguments(off, at, n), asm.Mov.Imm(asm.R5, int32(h)), asm.FnSkbLoadBytesRelative.Call())
}

func arguments(off, at, n int32) asm.Instructions {
	return asm.Instructions{
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.Mov.Imm(asm.R2, off),
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, at),
		asm.Mov.Imm(asm.R4, n),
	}
}
