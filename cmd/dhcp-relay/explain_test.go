package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/insomniacslk/dhcp/dhcpv4"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/explain"
	"dhcp-relay/relay/observe/capture"
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/wire/dhcp"
)

// forge is a program that writes a capture file: forge pcap|pcapng FILE reads a
// frame from each line of its standard input, as words of the form KEY=VALUE:
//
//	if=eth0 vlan=7,20 from=0.0.0.0:68 to=255.255.255.255:67 data=discover sent frag cut
//
// data is discover, solicit, offer:GIADDR:CIRCUIT-ID, or octets in hexadecimal.
func forge() {
	out, err := os.Create(os.Args[2])
	if err != nil {
		fatal(err)
	}
	write := writeNG(out)
	if os.Args[1] == "pcap" {
		write = writeClassic(out)
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		words := make(map[string]string)
		for word := range strings.FieldsSeq(in.Text()) {
			key, value, _ := strings.Cut(word, "=")
			words[key] = value
		}
		frame := frameOf(words)
		captured := len(frame)
		if _, cut := words["cut"]; cut {
			captured = 60
		}
		info := gopacket.CaptureInfo{Timestamp: time.Unix(1767323045, 0), CaptureLength: captured, Length: len(frame)}
		_, sent := words["sent"]
		if err := write(words["if"], sent, info, frame[:captured]); err != nil {
			fatal(err)
		}
	}
	if err := write("", false, gopacket.CaptureInfo{}, nil); err != nil {
		fatal(err)
	}
}

// A frameWriter writes a frame, or ends the file if that is nil.
type frameWriter func(name string, sent bool, info gopacket.CaptureInfo, frame []byte) error

func writeClassic(out io.WriteCloser) frameWriter {
	w := pcapgo.NewWriter(out)
	if err := w.WriteFileHeader(262144, layers.LinkTypeEthernet); err != nil {
		fatal(err)
	}
	return func(_ string, _ bool, info gopacket.CaptureInfo, frame []byte) error {
		if frame == nil {
			return out.Close()
		}
		return w.WritePacket(info, frame)
	}
}

func writeNG(out io.WriteCloser) frameWriter {
	var w *pcapgo.NgWriter
	indexes := make(map[string]int)
	return func(name string, sent bool, info gopacket.CaptureInfo, frame []byte) (err error) {
		if frame == nil {
			if err := w.Flush(); err != nil {
				return err
			}
			return out.Close()
		}
		about := pcapgo.NgInterface{Name: name, LinkType: layers.LinkTypeEthernet}
		if w == nil {
			if w, err = pcapgo.NewNgWriterInterface(out, about, pcapgo.DefaultNgWriterOptions); err != nil {
				return err
			}
			indexes[name] = 0
		}
		var ok bool
		if info.InterfaceIndex, ok = indexes[name]; !ok {
			if info.InterfaceIndex, err = w.AddInterface(about); err != nil {
				return err
			}
			indexes[name] = info.InterfaceIndex
		}
		flags := pcapgo.NgEpbFlags{Direction: pcapgo.NgEpbFlagDirectionInbound}
		if sent {
			flags.Direction = pcapgo.NgEpbFlagDirectionOutbound
		}
		return w.WritePacketWithOptions(info, frame, pcapgo.NgPacketOptions{Flags: &flags})
	}
}

// frameOf makes the frame of a line.
func frameOf(words map[string]string) []byte {
	src, dst := netip.MustParseAddrPort(words["from"]), netip.MustParseAddrPort(words["to"])
	eth := &layers.Ethernet{
		SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{255, 255, 255, 255, 255, 255},
		EthernetType: layers.EthernetTypeIPv4,
	}
	udp := &layers.UDP{SrcPort: layers.UDPPort(src.Port()), DstPort: layers.UDPPort(dst.Port())}
	all := []gopacket.SerializableLayer{eth}
	kind := layers.EthernetTypeIPv4
	var ip gopacket.SerializableLayer
	if src.Addr().Is4() {
		v4 := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice()}
		if _, frag := words["frag"]; frag {
			v4.Flags = layers.IPv4MoreFragments
		}
		ip = v4
		must(udp.SetNetworkLayerForChecksum(v4))
	} else {
		kind = layers.EthernetTypeIPv6
		v6 := &layers.IPv6{Version: 6, HopLimit: 1, NextHeader: layers.IPProtocolUDP, SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice()}
		ip = v6
		must(udp.SetNetworkLayerForChecksum(v6))
	}
	if words["vlan"] != "" {
		eth.EthernetType = layers.EthernetTypeDot1Q
		ids := strings.Split(words["vlan"], ",")
		for i, text := range ids {
			id, err := strconv.ParseUint(text, 10, 12)
			must(err)
			tag := &layers.Dot1Q{VLANIdentifier: uint16(id), Type: layers.EthernetTypeDot1Q}
			if i == len(ids)-1 {
				tag.Type = kind
			}
			all = append(all, tag)
		}
	} else {
		eth.EthernetType = kind
	}
	b := gopacket.NewSerializeBuffer()
	all = append(all, ip, udp, gopacket.Payload(payloadOf(words["data"])))
	must(gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, all...))
	return b.Bytes()
}

func payloadOf(data string) []byte {
	kind, rest, _ := strings.Cut(data, ":")
	switch kind {
	case "discover", "solicit":
		c := explain.Client{V6: kind == "solicit", MAC: "02:00:00:00:00:01"}
		m, err := c.Message()
		must(err)
		return m.Data
	case "offer":
		giaddr, circuit, _ := strings.Cut(rest, ":")
		m, err := dhcpv4.New(
			dhcpv4.WithMessageType(dhcpv4.MessageTypeOffer), dhcpv4.WithTransactionID(dhcpv4.TransactionID{0, 0, 0, 1}),
			dhcpv4.WithHwAddr(net.HardwareAddr{2, 0, 0, 0, 0, 1}), dhcpv4.WithYourIP(net.IPv4(192, 0, 2, 50)),
			dhcpv4.WithGatewayIP(net.ParseIP(giaddr)),
			dhcpv4.WithOption(dhcpv4.OptRelayAgentInfo(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(1), []byte(circuit)))),
		)
		must(err)
		m.OpCode = dhcpv4.OpcodeBootReply
		return m.ToBytes()
	}
	b, err := hex.DecodeString(data)
	must(err)
	return b
}

// must is for what a script cannot get wrong without being wrong itself.
func must(err error) {
	if err != nil {
		fatal(err)
	}
}

// manExample is the command that the manual shows.
func manExample() []string {
	return []string{
		"explain", "--config", "relay.toml", "--host", "router.toml", "--interface", "vlan20", "--mac", "02:00:00:00:00:01",
		"--reply-from", "10.9.0.2",
	}
}

// explained is what manExample prints, indented, with the command above it.
func explained(t *testing.T) string {
	t.Helper()
	dir := filepath.Join("testdata", "explain")
	args := strings.Join(manExample(), " ")
	c := newCommand()
	var out, errs bytes.Buffer
	c.SetOut(&out)
	c.SetErr(&errs)
	c.SetArgs(strings.Split(strings.NewReplacer("relay.toml", filepath.Join(dir, "relay.toml"), "router.toml", filepath.Join(dir, "router.toml")).Replace(args), " "))
	if err := c.Execute(); err != nil || errs.Len() > 0 {
		t.Fatal(err, errs.String())
	}
	text := "$ dhcp-relay " + strings.Replace(args, " --interface", " \\\n    --interface", 1) + "\n" +
		strings.ReplaceAll(out.String(), dir+string(filepath.Separator), "")
	return "    " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n    ") + "\n"
}

// TestExplainNeedsNoPrivileges runs explain as nobody, with the interfaces of a
// file and with those of this host.
func TestExplainNeedsNoPrivileges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{
		self: "dhcp-relay",
		filepath.Join("testdata", "explain", "relay.toml"):  "relay.toml",
		filepath.Join("testdata", "explain", "router.toml"): "router.toml",
	} {
		b, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, to), b, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	const loopback = "[[interface]]\nname = \"lo\"\nservers = [\"10.9.0.2\"]\n"
	if err := os.WriteFile(filepath.Join(dir, "lo.toml"), []byte(loopback), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, args := range map[string][]string{
		"file":      manExample(),
		"this host": {"explain", "--config", "lo.toml", "--interface", "lo", "--mac", "02:00:00:00:00:01"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := exec.CommandContext(t.Context(), filepath.Join(dir, "dhcp-relay"), args...)
			c.Dir, c.Env = dir, []string{"STATE_DIRECTORY=" + dir}
			if os.Geteuid() == 0 {
				const nobody = 65534
				c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
			}
			out, err := c.CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte(" -> 255.255.255.255:67 on ")) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// TestExplainReadsRecordings explains what the flight recorder has written: each
// message as received, and not once more as sent.
func TestExplainReadsRecordings(t *testing.T) {
	t.Parallel()
	m, err := (&explain.Client{MAC: "02:00:00:00:00:01"}).Message()
	if err != nil {
		t.Fatal(err)
	}
	message := recorder.Message{
		At: time.Unix(1767323045, 0), Done: time.Unix(1767323045, 1000), Family: dhcp.V4, Direction: dhcp.Requests,
		Outcome: agent.Relayed, To: agent.ToServers, Heard: 7, Link: 7, Src: m.Src, Dst: m.Dst,
		Received: m.Data, Size: len(m.Data), Sent: m.Data, SentLen: len(m.Data),
		Servers: []netip.AddrPort{netip.MustParseAddrPort("10.9.0.2:67"), netip.MustParseAddrPort("10.9.0.3:67")},
	}
	path := filepath.Join(t.TempDir(), "recording.pcapng")
	var file bytes.Buffer
	names := func(int) string { return "vlan20" }
	if err := capture.Write(&file, []recorder.Message{message}, capture.Options{Names: names}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	c := newCommand()
	var out bytes.Buffer
	c.SetOut(&out)
	dir := filepath.Join("testdata", "explain")
	c.SetArgs([]string{"explain", "--config", filepath.Join(dir, "relay.toml"), "--host", filepath.Join(dir, "router.toml"), path})
	if err := c.Execute(); err != nil {
		t.Fatal(err)
	}
	if r, n := strings.Count(out.String(), "RELAYED"), strings.Count(out.String(), "not heard: This host sent it itself."); r != 1 || n != 2 {
		t.Errorf("%d relayed and %d sent, want 1 and 2:\n%s", r, n, out.String())
	}
}
