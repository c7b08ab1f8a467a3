// Package check finds what of this host keeps messages from the relay, for the
// command check and the running daemon alike. It changes nothing.
package check
