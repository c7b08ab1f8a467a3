package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"dhcp-relay/relay/host/udp"
)

// Names remember whose sockets are, by inode, for who looks again and again. The
// zero value is not usable.
type Names map[uint32]owner

type owner struct {
	pid     int
	command string
	looked  time.Time
}

// lookAgain is how long to wait before looking again for a process that was not
// found: to look at all is dear where there are many.
const lookAgain = 30 * time.Second

// Name is a Namer.
func (k Names) Name(hs []udp.Holder) {
	now := time.Now()
	if slices.ContainsFunc(hs, func(h udp.Holder) bool { return k.due(h.Inode, now) }) {
		udp.Name(hs)
		clear(k)
		for _, h := range hs {
			k[h.Inode] = owner{h.PID, h.Command, now}
		}
		return
	}
	for i := range hs {
		o := k[hs[i].Inode]
		hs[i].PID, hs[i].Command = o.pid, o.command
	}
}

// due reports whether to look for who has a socket.
func (k Names) due(inode uint32, now time.Time) bool {
	o, ok := k[inode]
	return !ok || o.pid == 0 && now.Sub(o.looked) > lookAgain
}

// NameUnknown replaces the processes that the daemon could not see by their names,
// as far as this process sees them: the daemon runs without the privileges that
// whoever asks may have.
func NameUnknown(text string, name Namer) string {
	const before = "an unknown process (socket "
	for at := 0; ; {
		i := strings.Index(text[at:], before)
		if i < 0 {
			return text
		}
		i += at
		var inode uint32
		if _, err := fmt.Sscanf(text[i+len(before):], "%d)", &inode); err != nil {
			at = i + len(before)
			continue
		}
		hs := []udp.Holder{{Inode: inode}}
		name(hs)
		at = i + len(before)
		if hs[0].PID != 0 {
			who := hs[0].Who()
			text = strings.ReplaceAll(text, udp.Unknown(inode), who)
			at = i + len(who)
		}
	}
}
