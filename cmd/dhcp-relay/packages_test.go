package main

import (
	"regexp"
	"strings"
	"testing"

	"dhcp-relay/relay/config"
)

// TestPackagedConfiguration: the file that packages bring is refused as it is, with
// what to write, and good once the # is taken away.
func TestPackagedConfiguration(t *testing.T) {
	t.Parallel()
	const file = "deploy/packages/relay.toml"
	text := readPage(t, file)
	_, err := config.Parse(file, []byte(text), config.Host{Hostname: "router"})
	if err == nil || !strings.Contains(err.Error(), "[[interface]]") {
		t.Errorf("as it comes: %v", err)
	}
	text = regexp.MustCompile(`(?m)^#(\S)`).ReplaceAllString(text, "$1")
	c, err := config.Parse(file, []byte(text), config.Host{Hostname: "router"})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range c.Warnings {
		t.Error(w)
	}
}
