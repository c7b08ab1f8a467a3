// Package clientmac knows the link-layer address of the client that sent a DHCPv6
// message (RFC 6939), although the message is read from a UDP socket. It puts
// nothing on interfaces, so transit traffic costs what it did without. It decides
// nothing; whether a link is Ethernet at all is for its callers to know.
//
// # Three ways
//
// A filter on the socket (Table) sees the frame of each message before the
// message can be read. It knows the first Solicit of a client that the kernel has
// never heard of, all of 10,000 clients' that lay in the buffer at once, one
// source address on two links, priority tags, reassembled fragments, veth,
// macvlan and bridge.
//
// The kernel's neighbour table (Neighbours) did not know the first Solicit: the
// kernel learns nothing from UDP. It knew the client after the first reply to it.
// It tells who has an address, rather than who sent a frame.
//
// A Neighbor Solicitation of our own takes the client's answer, 200 µs over a
// cable of memory and milliseconds over the air, while the message waits, costs
// 90 µs to ask for, and says no more than the neighbour table. So it is not done.
//
// # What it costs
//
// Best of several runs on two virtual cores that had other work to do; ratios
// travel, absolute figures do not.
//
//	look-up, filter's map as mapped memory         58 ns, no allocation (in batches of 64)
//	look-up, LRU hash map by system call        2,390 ns, 2 allocations
//	look-up, Neighbours                            52 ns, no allocation
//	look-up, kernel's neighbours by system call 5,300 ns
//	filter, mapped array, 8,192 clients           360 ns per message
//	filter, the same, one client: warm caches     190 ns
//	filter, LRU hash map, 8,192 clients           600 ns
//	change of one of 1,024 neighbours             500 ns, of 100,000: 31 µs
//
// What another processor has written comes slowly. One look-up for each message as
// it was decided took 260 ns in a flood, with keys and addresses side by side in
// five lines of the cache; the keys on lines of their own and a batch looked up at
// once take 100 ns.
//
// # Never a wrong address
//
// The mapped memory has no lock that a reader could take, and many messages are
// noted before the first is read. So the key is all that tells messages apart:
// link, source, type and transaction ID. A note is compared as a whole, and its
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
