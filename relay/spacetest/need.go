package spacetest

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Need skips a test for want of something, unless err is nil. With
// RELAY_TEST_NOSKIP=1 in the environment the test fails instead, but for what the
// kernel lacks (err wraps unix.EOPNOTSUPP); with RELAY_TEST_NOSKIP=all it always
// does.
func Need(t testing.TB, what string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if noSkip := os.Getenv("RELAY_TEST_NOSKIP"); noSkip == "all" || noSkip != "" && !errors.Is(err, unix.EOPNOTSUPP) {
		t.Fatalf("needs %s: %v", what, err)
	}
	t.Skipf("needs %s: %v", what, err)
}
