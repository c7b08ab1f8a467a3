package status

import "testing"

func TestConfinementIsTold(t *testing.T) {
	t.Parallel()
	two := []string{"CAP_NET_BIND_SERVICE", "CAP_NET_RAW"}
	for _, tt := range []struct {
		confinement Confinement
		want        string
	}{
		{Confinement{Capabilities: make([]string, 41)}, "not confined; 41 capabilities"},
		{Confinement{On: true, Capabilities: two, Seccomp: true, Landlock: 6}, "confined: CAP_NET_BIND_SERVICE, CAP_NET_RAW, system calls filtered, files bounded (Landlock 6)"},
		{
			Confinement{On: true, Seccomp: true, Missing: []string{"files bounded by Landlock: this kernel has none"}},
			"confined: no capabilities, system calls filtered; not files bounded by Landlock: this kernel has none",
		},
	} {
		if got := tt.confinement.String(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
