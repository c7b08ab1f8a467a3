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
	_ = uint(recorder.MaxBatch - batchSize)          // the recorder takes a whole batch
	_ = uint(udp.Headroom - agent.Headroom)          // a header fits in front of what was received
	_ = uint(pending.MaxServers - agent.MaxServers)  // each server of a request is watched
	_ = uint(recorder.MaxServers - agent.MaxServers) // and recorded
	_ = uint(64 - agent.MaxServers)                  // observe.Message has a bit for each
)
