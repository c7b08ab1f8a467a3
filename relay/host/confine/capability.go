package confine

import (
	"errors"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"
	"kernel.org/pub/linux/libs/security/libcap/psx"
)

// Effective lists the capabilities that this process has, as people write them.
func Effective() (names []string) {
	have := cap.GetProc()
	for v := range cap.MaxBits() {
		if on, err := have.GetFlag(cap.Effective, v); err == nil && on {
			names = append(names, strings.ToUpper(v.String()))
		}
	}
	return names
}

// Has reports whether this process has a capability.
func Has(v cap.Value) bool {
	on, err := cap.GetProc().GetFlag(cap.Effective, v)
	return err == nil && on
}

// keep gives up all capabilities but these, for programs that it runs, too.
func keep(wanted []cap.Value) error {
	have, left := cap.GetProc(), cap.NewSet()
	var drop []cap.Value
	for v := range cap.MaxBits() {
		permitted, err := have.GetFlag(cap.Permitted, v)
		if err != nil {
			return err
		}
		if !permitted || !slices.Contains(wanted, v) {
			drop = append(drop, v)
			continue
		}
		if err := errors.Join(left.SetFlag(cap.Permitted, true, v), left.SetFlag(cap.Effective, true, v)); err != nil {
			return err
		}
	}
	// Who may not drop from the bounding set cannot gain from it either: there are no
	// new privileges.
	if Has(cap.SETPCAP) {
		if err := cap.DropBound(drop...); err != nil {
			return err
		}
	}
	if err := cap.ResetAmbient(); err != nil {
		return err
	}
	err := left.SetProc()
	if err != nil && holds(have, left) {
		return nil // the system call is forbidden, and there is nothing to give up
	}
	return err
}

// holds reports whether a process with these capabilities has no others than those.
func holds(have, only *cap.Set) bool {
	for _, f := range []cap.Flag{cap.Permitted, cap.Effective} {
		if more, err := have.Cf(only); err != nil || more.Has(f) {
			return false
		}
	}
	return true
}

// bequeath has a program that is run next keep the capabilities, which root does
// anyway.
func bequeath() error {
	if os.Geteuid() == 0 {
		return nil
	}
	have, was := cap.GetProc(), cap.GetProc()
	if err := have.FillFlag(cap.Inheritable, have, cap.Permitted); err != nil {
		return err
	}
	if d, err := have.Cf(was); err != nil || d != 0 {
		if err := errors.Join(err, have.SetProc()); err != nil {
			return err
		}
	}
	for v := range cap.MaxBits() {
		if on, err := have.GetFlag(cap.Permitted, v); err != nil || !on {
			continue
		}
		if err := cap.SetAmbient(true, v); err != nil {
			return err
		}
	}
	return nil
}

// enter has the process belong to a group, too, so that it may give files to it
// without a capability. Who may not is in the groups that somebody has chosen.
func enter(group string) error {
	if group == "" || !Has(cap.SETGID) {
		return nil
	}
	g, err := user.LookupGroup(group)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(g.Gid)
	if err != nil {
		return err
	}
	all, err := unix.Getgroups()
	if err != nil || slices.Contains(all, gid) {
		return err
	}
	return syscall.Setgroups(append(all, gid))
}

// noNewPrivs has no program that this process runs get more than it has.
func noNewPrivs() error {
	if _, _, e := psx.Syscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); e != 0 {
		return e
	}
	return nil
}
