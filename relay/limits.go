package relay

import (
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/observe/pending"
	"dhcp-relay/relay/observe/recorder"
)

// Numbers of several rooms that must agree: each line says that something is not
// negative, and does not compile if it is.
const (
	_ = uint(recorder.MaxBatch - batch)              // the recorder takes a whole batch
	_ = uint(udp.Headroom - agent.Headroom)          // a header fits in front of what was received
	_ = uint(pending.MaxServers - agent.MaxServers)  // each server of a request is watched
	_ = uint(recorder.MaxServers - agent.MaxServers) // and recorded
	_ = uint(64 - agent.MaxServers)                  // fate has a bit for each
	_ = uint(1<<tagShift - 1 - agent.MaxServers)     // a tag has room for each
)
