//go:build linux

package state

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const testMachine = "0123456789abcdef0123456789abcdef\n"

func machineFile(t *testing.T, id string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "machine-id")
	if err := os.WriteFile(path, []byte(id), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestKeyKnowsItsMachine(t *testing.T) {
	state, here, there := t.TempDir(), machineFile(t, testMachine), machineFile(t, strings.Repeat("f", 32))
	open := func(machine string) *OwnKey {
		t.Helper()
		k, err := OpenKey(state, machine)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	none := filepath.Join(t.TempDir(), "none")
	key := open(none).Key()
	if _, err := os.Stat(filepath.Join(state, machineName)); err == nil {
		t.Error("a machine is noted where there is none to note")
	}
	for _, c := range []struct {
		what, machine string
		moved         bool
	}{
		{"first time", here, false}, {"again", here, false}, {"elsewhere", there, true}, {"elsewhere, again", there, true},
		{"where there is none", none, false}, {"where it is not made yet", machineFile(t, "uninitialized\n"), false}, {"back", here, false},
	} {
		k := open(c.machine)
		if _, moved := k.Identity(); moved != c.moved || k.Key() != key {
			t.Errorf("%s: moved is %v, want %v; key %s, was %s", c.what, moved, c.moved, k.Key().Short(), key.Short())
		}
	}
	noted, err := os.ReadFile(filepath.Join(state, machineName))
	if err != nil || strings.Contains(string(noted), strings.TrimSpace(testMachine)) || len(noted) != 65 {
		t.Errorf("noted is %q, %v; want a hash", noted, err)
	}
}

// A new key is of this machine, and the old one is not lost.
func TestKeyIsRenewed(t *testing.T) {
	state, here := t.TempDir(), machineFile(t, testMachine)
	if _, err := OpenKey(state, machineFile(t, strings.Repeat("f", 32))); err != nil {
		t.Fatal(err)
	}
	k, err := OpenKey(state, here)
	if err != nil {
		t.Fatal(err)
	}
	old := k.Key()
	if given, ok := k.GivenUp(); ok {
		t.Errorf("gave up %s", given.Short())
	}
	if err := k.Renew(); err != nil {
		t.Fatal(err)
	}
	if given, ok := k.GivenUp(); !ok || given != old || k.Key() == old {
		t.Errorf("gave up %s, %v, and has %s", given.Short(), ok, k.Key().Short())
	}
	again, err := OpenKey(state, here)
	if err != nil {
		t.Fatal(err)
	}
	if _, moved := again.Identity(); moved || again.Key() != k.Key() {
		t.Errorf("after a restart: moved is %v, key %s, want %s", moved, again.Key().Short(), k.Key().Short())
	}
	if _, err := os.Stat(filepath.Join(state, "key.copied-"+old.Short())); err != nil {
		t.Error(err)
	}
}
