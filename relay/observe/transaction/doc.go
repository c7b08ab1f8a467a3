// Package transaction joins what the flight recorder kept into transactions: what a
// client asked, what went to which server, what came back, and why something
// was dropped, in words that an operator can act on. It decides nothing, and
// knows neither sockets nor clocks: the caller hands in messages and the time.
package transaction
