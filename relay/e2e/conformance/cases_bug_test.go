package conformance

import (
	"bytes"
	"fmt"

	"dhcp-relay/relay/agent"
)

// bugCases are the classes of input that brought down or fooled relays and
// servers of others, as far as they are DHCPv4.
func bugCases() []group {
	foreign := giaddrOf("10.9.8.7")
	malformed := []tcase{
		{name: "ISC-71 option 82 as the last octets", msg: offer(opt(82, 1, 2, 'd', '0'), tail(), size(0)), down: unicast("d0", "192.0.2.77", offer(tail()))},
		{name: "ISC-71 option 82 beyond the message", msg: offer(options(53, 1, 2, 82, 8, 1, 2, 'd', '0'), tail(), size(0)), drop: agent.OptionsMalformed},
		{name: "ISC-71 option 82 of 255 beyond the message", msg: offer(options(53, 1, 2, 82, 255), tail(), size(0)), drop: agent.OptionsMalformed},
		{name: "ISC-71 CVE-2007-5029 code of option 82 alone", msg: offer(options(53, 1, 2, 82), tail(), size(0)), drop: agent.OptionsMalformed},
		{name: "ISC-71 option 82 without END in the padding", msg: offer(opt(82, 1, 2, 'd', '0'), tail()), down: unicast("d0", "192.0.2.77", offer(tail()))},
		{name: "CVE-2018-0173 five options 82", msg: offer(bytesMod(bytes.Repeat([]byte{82, 4, 1, 2, 'd', '0'}, 5))), drop: agent.Option82Malformed},
		{name: "CVE-2018-0174 eighty empty suboptions", msg: offer(opt(82, bytes.Repeat([]byte{200, 0}, 80)...)), down: unicast("d0", "192.0.2.77", offer())},
		{name: "CVE-2017-12240 options of 255 octets", msg: discover(opt(43, fill(255, 'x')...), opt(12, fill(255, 'h')...)), up: toS(discover(opt(43, fill(255, 'x')...), opt(12, fill(255, 'h')...)).up(addrD0, cid("d0")...))},
		{name: "CVE-2017-12240 hlen 255", msg: discover(htype(1, 255)), drop: agent.BadHlen},
		{name: "CVE-2017-12240 insomniacslk sname and file without NUL", msg: discover(sname(fill(64, 's')...), file(fill(128, 'f')...)), up: toS(discover(sname(fill(64, 's')...), file(fill(128, 'f')...)).up(addrD0, cid("d0")...))},
		{name: "insomniacslk sname and file without NUL in a reply", msg: offer(sname(fill(64, 's')...), file(fill(128, 'f')...)), down: unicast("d0", "192.0.2.77", offer(sname(fill(64, 's')...), file(fill(128, 'f')...)))},
		{name: "insomniacslk empty message", on: "d0", msg: message{raw: []byte{}}, drop: agent.Short},
		{name: "insomniacslk one octet", on: "u0", src: server1, dst: addrD0, msg: message{raw: []byte{2}}, drop: agent.Short},
		{name: "CVE-2025-30648 only PADs", msg: discover(options(fill(60, 0)...), tail()), up: toS(discover(options(fill(60, 0)...), tail()).up(addrD0, cid("d0")...))},
		{name: "CVE-2025-30648 END first", msg: discover(options(), tail(255, 53, 1, 1)), up: toS(discover(options(), tail(255, 53, 1, 1)).up(addrD0, cid("d0")...))},
		{name: "CVE-2025-30648 END alone", msg: discover(options(), size(0)), up: toS(discover(options()).up(addrD0, cid("d0")...))},
		{name: "CVE-2020-1602 cookie cut off", msg: discover(cut(239)), up: toS(discover(cut(239)).zeroed(300).up(addrD0))},
		{name: "CVE-2020-1602 option 53 cut off", msg: discover(cut(241)), drop: agent.OptionsMalformed},
		{name: "CVE-2020-1602 option 53 without its value", msg: discover(cut(242)), drop: agent.OptionsMalformed},
		{name: "CVE-2007-5029 a code after the last option", msg: discover(tail(12), size(0)), drop: agent.OptionsMalformed},
		{name: "CVE-2007-5029 a code and a length", msg: discover(tail(12, 1), size(0)), drop: agent.OptionsMalformed},
		{name: "CVE-2007-5029 two octets of three", msg: discover(tail(12, 3, 'a', 'b'), size(0)), drop: agent.OptionsMalformed},
		{name: "CVE-2018-5732 length 255 at the end", msg: offer(tail(15, 255), size(0)), drop: agent.OptionsMalformed},
		{name: "CVE-2026-20084 BOOTP with giaddr of the relay", msg: bootp(giaddrOf(addrD0)), drop: agent.GiaddrSpoof},
		{name: "CVE-2018-0172 with giaddr, from a client", msg: discover(foreign, opt(82, 1, 255)), drop: agent.UntrustedOption82},
		{name: "R3046-12 thousand octets of options", msg: long(1400), up: toS(long(1400).up(addrD0, cid("d0")...))},
	}
	for _, code := range []byte{50, 51, 54} {
		for _, n := range []int{0, 1, 2, 3, 5} {
			d, o := discover(opt(code, fill(n, 9)...)), offer(opt(code, fill(n, 9)...))
			name := fmt.Sprintf("CVE-2018-20679 option %d of %d octets", code, n)
			malformed = append(
				malformed,
				tcase{name: name + " in a request", msg: d, up: toS(d.up(addrD0, cid("d0")...))},
				tcase{name: name + " in a reply", msg: o, down: unicast("d0", "192.0.2.77", o)},
			)
		}
	}
	return []group{{name: "bugs", toml: least, cases: malformed}}
}

// bytesMod appends octets to the options as they stand.
func bytesMod(b []byte) mod { return func(m *message) { m.opts = append(m.opts, b...) } }

// zeroed reads a message that was cut off as one of n octets whose rest is zero.
func (m message) zeroed(n int) message {
	b := make([]byte, n)
	copy(b, m.raw)
	out := base(1)
	out.opts, out.tail = b[236:], nil
	return out
}
