// Package clientmac knows the link-layer address of the client that sent a DHCPv6
// message (RFC 6939), or one of BOOTP, although the message is read from a UDP socket. It puts
// nothing on interfaces, so transit traffic costs what it did without. It decides
// nothing; whether a link is Ethernet at all is for its callers to know.
//
// # Three ways
//
// A filter on the socket (Table) sees the frame of each message before the
// message can be read. It knows the first Solicit of a client that the kernel has
// never heard of, however many lie in the buffer at once, one
// source address on two links, priority tags, reassembled fragments, veth,
// macvlan and bridge.
//
// The kernel's neighbour table (Neighbours) does not know the first Solicit: the
// kernel learns nothing from UDP. It knows the client after the first reply to it.
// It tells who has an address, rather than who sent a frame.
//
// A Neighbor Solicitation of our own would have the message wait for the client's
// answer, and says no more than the neighbour table. So there is none.
//
// # What it costs
//
// The filter writes into an array that is mapped here, because a look-up by system
// call, or a hash map of the kernel's, costs several times as much. What another
// processor has written comes slowly, so keys are on cache lines of their own, and a
// batch is looked up at once.
//
// # Never a wrong address
//
// The mapped memory has no lock that a reader could take, and many messages are
// noted before the first is read. So the key is all that tells messages apart:
// link, source, type and transaction ID, or for BOOTP link, chaddr and transaction ID. A note is compared as a whole, and its
// address, which is one word with a counter, before and after that. Two addresses
// for one key make it unknown. A set of notes is written in turn, so a note lasts
// until 15 more have come to its set: of 10,000 messages in the buffer, one in
// millions is lost; of 30,000, one in 1,000; of 50,000, one in 27. Twice the memory
// would keep most of these too, but is resident whether or not there is a flood.
//
// # What it needs
//
// Table needs Linux 5.12, for atomic operations that return a value; on arm64
// 5.18. (bpf_skb_load_bytes_relative came with 4.18, mapped arrays with 5.5.) It
// needs CAP_BPF, and no other capability, unless
// kernel.unprivileged_bpf_disabled is 0; to attach needs none. From 5.11 on
// RLIMIT_MEMLOCK does not matter. net.core.bpf_jit_enable=0 would make the filter
// slower, no less right; kernels with CONFIG_BPF_JIT_ALWAYS_ON refuse it.
// Neighbours needs no capability.
//
// A VLAN device with its reorder_hdr flag off leaves the tag in the frame, and its
// clients unknown.
package clientmac
