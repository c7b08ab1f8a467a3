package status

import (
	"time"

	"dhcp-relay/relay/observe/count"
)

// A History is what happened in each of the last 60 minutes, the earliest first; the
// last of them is not over yet.
type History struct {
	End      time.Time `json:"end"`
	Requests []uint32  `json:"requests"`                   // that expect an answer; of a server, copies that were sent to it
	Answers  []uint32  `json:"answers"`                    // of a server, the first reply to a request
	Response []float64 `json:"response_seconds,omitempty"` // mean time of the server's answers; 0 if there was none
}

// Names returns the names of interfaces, for count.Recent.Histories.
func Names(interfaces []Interface) map[string]struct{} {
	names := make(map[string]struct{}, len(interfaces))
	for i := range interfaces {
		names[interfaces[i].Name] = struct{}{}
	}
	return names
}

// Remember gives interfaces and servers the histories that there are of them by a time.
func Remember(interfaces []Interface, servers []Server, h count.Histories, end time.Time) {
	for i := range interfaces {
		n := &interfaces[i]
		n.History = history(h.Links[n.Name][n.Family], end)
	}
	byServer := make(map[ServerName]*count.History, len(h.Servers))
	for id, of := range h.Servers {
		byServer[ServerName{endpoint(id), id.VRF}] = of
	}
	for i := range servers {
		s := &servers[i]
		of := byServer[ServerName{s.Address, s.VRF}]
		if s.History = history(of, end); s.History == nil {
			continue
		}
		for _, took := range of.Response {
			s.History.Response = append(s.History.Response, took.Seconds())
		}
	}
}

// history returns what is shown of a history, nil if nothing happened.
func history(of *count.History, end time.Time) *History {
	if of == nil || of.Requests == [len(of.Requests)]uint32{} {
		return nil
	}
	return &History{End: end, Requests: of.Requests[:], Answers: of.Answers[:]}
}
