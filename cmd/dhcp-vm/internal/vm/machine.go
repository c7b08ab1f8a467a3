package vm

import (
	"fmt"
	"slices"
	"strings"
)

// Parameter is the kernel parameter that tells the guest which machine it is.
const Parameter = "vm.machine="

// scenes is the package whose tests are the scenes.
const scenes = "cmd/dhcp-vm/internal/vm/scenes"

// A machine is one boot of the kernel.
type machine struct {
	name, about string
	kernel      string // parameters
	disk        bool   // systemd runs it from a disk
	long        bool   // it runs only if all are wanted, or it by name
	packages    []string
	run, skip   string // regular expressions of tests
}

// machines returns all machines in the order in which they run. Scenes for a
// machine of their own have its name in theirs; a few of the others show on each
// that the relay works there at all.
func machines() []machine {
	few := func(own string) string { return "^" + own + "$|^TestT20_Host$/^rp_filter_0$" }
	return []machine{
		{
			name: "plain", about: "Debian's kernel as it is",
			packages: []string{scenes, "giaddr/watch", "relay/host/udp", "relay/host/frame"}, skip: "^TestMachine|^TestManyVLANs$|^TestThousandsOfLinks$",
		},
		{
			name: "trunk", about: "thousands of VLANs", long: true,
			packages: []string{scenes}, run: "^TestManyVLANs$",
		},
		{
			name: "no-ipv6", about: "ipv6.disable=1", kernel: "ipv6.disable=1",
			packages: []string{scenes}, run: few("TestMachineNoIPv6"),
		},
		{
			name: "integrity", about: "lockdown=integrity", kernel: "lockdown=integrity",
			packages: []string{scenes}, run: few("TestMachineLockdown"),
		},
		{
			name: "confidentiality", about: "lockdown=confidentiality", kernel: "lockdown=confidentiality",
			packages: []string{scenes}, run: few("TestMachineLockdown"),
		},
		{
			name: "systemd", about: "systemd as the first process of a Debian system", disk: true,
			packages: []string{scenes}, run: "^TestMachineSystemd$",
		},
	}
}

// choose returns the machines with the names. If there are none, it returns all,
// but those that take long only if they are wanted.
func choose(names []string, long bool) ([]machine, error) {
	all := machines()
	if len(names) == 0 {
		return slices.DeleteFunc(all, func(m machine) bool { return m.long && !long }), nil
	}
	var some []machine
	for _, n := range names {
		i := slices.IndexFunc(all, func(m machine) bool { return m.name == n })
		if i < 0 {
			var known []string
			for _, m := range all {
				known = append(known, m.name)
			}
			return nil, fmt.Errorf("no machine has the name %q; there are %s", n, strings.Join(known, ", "))
		}
		some = append(some, all[i])
	}
	return some, nil
}

// packages returns those whose tests run in any machine. Their binaries have the
// names that go test gives them.
func packages() (all []string) {
	for _, m := range machines() {
		for _, p := range m.packages {
			if !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
	}
	return all
}

// programs returns what a machine runs.
func (m *machine) programs(o Options) (list []Program) {
	for _, pkg := range m.packages {
		p := Program{
			Name: pkg, Path: "/tests/" + testFile(pkg), Dir: "/src/" + pkg,
			Env: []string{"DHCP_RELAY=/bin/dhcp-relay", "RELAY_VM=" + m.name},
		}
		p.Args = []string{"-test.v", "-test.timeout=" + o.Timeout.String()}
		run := m.run
		if o.Run != "" {
			run = o.Run
		}
		if run != "" {
			p.Args = append(p.Args, "-test.run="+run)
		}
		if m.skip != "" {
			p.Args = append(p.Args, "-test.skip="+m.skip)
		}
		list = append(list, p)
	}
	return list
}

// testFile is the name of a package's tests.
func testFile(pkg string) string { return pkg[strings.LastIndexByte(pkg, '/')+1:] + ".test" }
