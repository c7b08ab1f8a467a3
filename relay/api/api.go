// Package api has the words in which the daemon answers by HTTP: the paths, and the
// types that their JSON is made of.
package api

// The paths of what the daemon tells.
const (
	Status       = "/api/v1/status"
	Transactions = "/api/v1/transactions"
	Trace        = "/api/v1/trace"
	Ready        = "/readyz"
)

// The paths of what it tells and does on the socket of [control] only.
const (
	Record   = "/record"    // all that the recorder holds, as a capture file
	LogLevel = "/log-level" // GET shows the level of the log, PUT sets it
	Config   = "/config"    // the files of the configuration in effect
	Reload   = "/reload"    // POST has the configuration read anew
	Probe    = "/probe"     // POST asks the servers of an interface as a client would
)

// A Level is the level of the log.
type Level struct {
	Level string `json:"level"` // debug, info, warn or error
}

// A File is one file of the configuration in effect, as it was read.
type File struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// A Verdict is what came of a reload.
type Verdict struct {
	File     string   `json:"file"`
	OK       bool     `json:"ok"`       // the configuration is in effect; else the former one stays
	Errors   []string `json:"errors"`   // why not, a line each
	Warnings []string `json:"warnings"` // what is doubtful, and what takes effect at the next start
}

// A Recording is what record says of the capture that it wrote.
type Recording struct {
	File    string `json:"file"`
	Packets int    `json:"packets"`
	Octets  int64  `json:"octets"`
}
