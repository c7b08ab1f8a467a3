package netns

import (
	"crypto/rand"
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

// Require skips the test if namespaces and veth pairs cannot be made here, and
// names what is missing. With RELAY_TEST_NOSKIP in the environment it fails the
// test instead.
func Require(t testing.TB) {
	t.Helper()
	if err := probe(); err != nil {
		Skip(t, "no network namespaces: "+err.Error())
	}
}

// Skip skips the test for want of what the reason names, or fails it if
// RELAY_TEST_NOSKIP is set.
func Skip(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("RELAY_TEST_NOSKIP") != "" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// Test makes a namespace for a test, with a unique name that ends in the given
// one, and closes it at the test's end.
func Test(t testing.TB, name string, opts ...Option) *NS {
	t.Helper()
	n, err := New(unique(name), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Errorf("close namespace: %v", err)
		}
	})
	return n
}

func probe() error {
	if os.Geteuid() != 0 {
		return errors.New("not root")
	}
	n, err := New(unique("probe"))
	if err != nil {
		return err
	}
	return errors.Join(Veth(n, "v0", n, "v1"), n.Close())
}

func unique(name string) string { return "t" + rand.Text()[:8] + "-" + name }
