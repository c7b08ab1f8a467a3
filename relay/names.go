package relay

import (
	"sync"

	"dhcp-relay/giaddr"
)

// maxNames bounds what is remembered where interfaces come and go for ever.
const maxNames = 1 << 16

// names remembers what interfaces are called, also those that are gone: what was
// recorded of them is still to be read. It is safe for concurrent use.
type names struct {
	mu sync.Mutex
	of map[int]string
}

func (n *names) learn(links []giaddr.Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.of == nil || len(n.of) > maxNames {
		n.of = make(map[int]string, len(links))
	}
	for i := range links {
		n.of[links[i].Index] = links[i].Name
	}
}

// LinkName returns the name of the interface that has, or had, an index; "" if
// none is known.
func (e *Engine) LinkName(index int) string {
	e.names.mu.Lock()
	defer e.names.mu.Unlock()
	return e.names.of[index]
}
