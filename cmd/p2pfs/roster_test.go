//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/tree"
	"p2pfs/swarm/catalog"
)

// entry is a catalogue entry without a file behind it.
func entry(path string, seed byte) catalog.File {
	return catalog.File{Path: path, Size: 20_000, Root: catalog.Hash{1, seed}, MTime: time.Unix(1, 0)}
}

// digits are those of a stranger.
func (s *stranger) digits() string { return s.id.Key().String()[:16] }

// rosterOf is what members --json says.
func rosterOf(t *testing.T, m *mounted) (list []control.RosterEntry) {
	t.Helper()
	r := runArgs(t, "members", "--json", m.mnt())
	r.want(t, cli.ExitDone, "[")
	if err := json.Unmarshal([]byte(r.stdout), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// names are the names in a directory.
func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// TestBlockAndForget lists members, hides one who is here and one who is gone.
func TestBlockAndForget(t *testing.T) {
	a := newMounted(t, t.Name(), "anna", "--no-embedded-tracker").start()
	eve := newStranger(t, t.Name(), "eve", entry("junk", 1), entry("both", 2)).knows(a)
	bob := newStranger(t, t.Name(), "bob b", entry("good", 3), entry("both", 4)).knows(a)
	seen := func(path string, want bool) {
		t.Helper()
		within(t, patience, func() error {
			if _, err := os.Lstat(a.mnt(path)); (err == nil) != want {
				return fmt.Errorf("%s: %v", path, err)
			}
			return nil
		})
	}
	seen("junk", true)
	seen("good", true)
	r := runArgs(t, "members", a.mnt())
	r.want(t, cli.ExitDone, `"bob b"  `+bob.digits()+"  here since ")
	r.want(t, cli.ExitDone, "eve      "+eve.digits()+"  here since ")
	if !strings.Contains(r.stdout, "2 files  39.1 KiB\n") {
		t.Errorf("got %s", r.stdout)
	}
	runArgs(t, "block", a.mnt(), "eve").want(t, cli.ExitDone, "hidden on this machine, and on this one only")
	seen("junk", false)
	both := names(t, a.mnt())
	if !slices.Equal(both, []string{"both", "good"}) {
		t.Errorf("shown: %q", both)
	}
	eve.publish(entry("junk", 1), entry("more junk", 5))
	a.stop()
	a.start()
	seen("good", true)
	if s := status(t, a); len(s.Members) != 1 || s.Files != 2 {
		t.Errorf("status: %+v", s.Members)
	}
	if dirs := names(t, a.mnt(tree.SpecialDir, tree.MembersDir)); len(dirs) != 2 || !strings.HasPrefix(dirs[1], "bob b-") {
		t.Errorf("members: %q", dirs)
	}
	if list := rosterOf(t, a); len(list) != 2 || !list[1].Blocked || list[1].Name != "eve" {
		t.Errorf("listed: %+v", list)
	}
	runArgs(t, "unblock", a.mnt(), eve.digits()).want(t, cli.ExitDone, "is shown again")
	seen("junk", true)

	runArgs(t, "forget", a.mnt(), bob.id.Key().String()).want(t, cli.ExitFailed, "is here")
	bob.leave()
	within(t, patience, func() error {
		if list := rosterOf(t, a); len(list) != 2 || list[0].Connected && list[1].Connected {
			return fmt.Errorf("listed: %+v", list)
		}
		return nil
	})
	runArgs(t, "forget", a.mnt(), "bob b").want(t, cli.ExitDone, "until he comes back")
	seen("good", false)
	if list := rosterOf(t, a); len(list) != 1 || list[0].Name != "eve" {
		t.Errorf("listed: %+v", list)
	}
	a.stop()
	a.start()
	seen("junk", true)
	seen("good", false)
}

// TestForgottenComesBack has a member leave, be forgotten, and return.
func TestForgottenComesBack(t *testing.T) {
	a := newMounted(t, t.Name(), "anna", "--no-embedded-tracker").start()
	b := newMounted(t, t.Name(), "bob", "--no-embedded-tracker", "--peer", status(t, a).Listen)
	b.write("good", []byte("good"))
	b.start()
	a.sees("good", []byte("good"))
	b.stop()
	within(t, patience, func() error {
		if r := runArgs(t, "forget", a.mnt(), "bob"); r.status != cli.ExitDone {
			return fmt.Errorf("%s", r.stderr)
		}
		return nil
	})
	a.misses("good")
	b.flags[2] = status(t, a).Listen
	b.start()
	a.sees("good", []byte("good"))
	b.stop() // away again, but not forgotten
	within(t, patience, func() error {
		if list := rosterOf(t, a); len(list) != 1 || list[0].Connected {
			return fmt.Errorf("listed: %+v", list)
		}
		return nil
	})
	if _, err := os.Stat(a.mnt("good")); err != nil {
		t.Error(err)
	}
}

// TestWho is how members are named, and who they are that are not listed.
func TestWho(t *testing.T) {
	a := newMounted(t, t.Name(), "anna", "--no-embedded-tracker").start()
	one := newStranger(t, t.Name(), "twin", entry("one", 1)).knows(a)
	two := newStranger(t, t.Name(), "twin", entry("two", 2)).knows(a)
	empty := newStranger(t, t.Name(), "empty").knows(a)
	within(t, patience, func() error {
		if n := len(rosterOf(t, a)); n != 3 {
			return fmt.Errorf("%d are listed", n)
		}
		return nil
	})
	a.listsAll("one", "two")
	for who, want := range map[string]string{
		"twin": "2 members have that name", "nobody": "no such member", one.digits()[:8]: "16 are needed",
		strings.Repeat("0", 64): "no such member", "anna": "this machine itself", status(t, a).Key[:16]: "this machine itself",
	} {
		for _, op := range []string{"block", "forget", "unblock"} {
			runArgs(t, op, a.mnt(), who).want(t, cli.ExitFailed, want)
		}
	}
	runArgs(t, "block", a.mnt(), strings.ToUpper(one.digits())).want(t, cli.ExitDone, "hidden")
	runArgs(t, "block", a.mnt(), "twin").want(t, cli.ExitDone, two.digits()) // the other one is blocked
	runArgs(t, "unblock", a.mnt(), "twin-"+one.digits()).want(t, cli.ExitDone, "shown again")
	runArgs(t, "unblock", a.mnt(), "twin").want(t, cli.ExitDone, two.digits())
	runArgs(t, "unblock", a.mnt(), one.digits()).want(t, cli.ExitFailed, "is not blocked")
	empty.leave() // and shares nothing
	within(t, patience, func() error {
		if n := len(rosterOf(t, a)); n != 2 {
			return fmt.Errorf("%d are listed", n)
		}
		return nil
	})
	if n := len(status(t, a).Members); n != 2 {
		t.Errorf("%d in status", n)
	}
	if dirs := names(t, a.mnt(tree.SpecialDir, tree.MembersDir)); len(dirs) != 3 { // and ourselves
		t.Errorf("members: %q", dirs)
	}
}

// TestNamesThatAreDigits: who calls himself by somebody's digits shields nobody.
func TestNamesThatAreDigits(t *testing.T) {
	a := newMounted(t, t.Name(), "anna", "--no-embedded-tracker").start()
	one := newStranger(t, t.Name(), "one", entry("one", 1)).knows(a)
	two := newStranger(t, t.Name(), one.digits(), entry("two", 2)).knows(a)
	a.listsAll("one", "two")
	runArgs(t, "block", a.mnt(), one.digits()).want(t, cli.ExitDone, one.digits())
	runArgs(t, "block", a.mnt(), two.digits()).want(t, cli.ExitDone, two.digits())
	within(t, patience, func() error {
		if left := names(t, a.mnt()); len(left) > 0 {
			return fmt.Errorf("shown are %q", left)
		}
		return nil
	})
}

// listsAll waits until paths are there.
func (m *mounted) listsAll(paths ...string) {
	m.t.Helper()
	for _, p := range paths {
		within(m.t, patience, func() error { _, err := os.Lstat(m.mnt(p)); return err })
	}
}
