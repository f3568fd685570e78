//go:build linux

package roster

import (
	"path/filepath"
	"testing"

	"p2pfs/swarm/catalog"
)

// TestHidden blocks one member and forgets two, over restarts: of the forgotten one
// comes back connected, and one with a newer head.
func TestHidden(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hidden")
	open := func() *Hidden {
		h, err := OpenHidden(path)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	eve, bob, old := catalog.Key{1}, catalog.Key{2}, catalog.Key{3}
	h := open()
	for k, w := range map[catalog.Key]hiding{
		eve: {name: "eve \"e\"", blocked: true}, bob: {name: "bob", seq: 7}, old: {name: "old", seq: 9},
	} {
		if err := h.set(k, w); err != nil {
			t.Fatal(err)
		}
	}
	h = open()
	hides := func(k catalog.Key, seq int64, connected, want bool) {
		t.Helper()
		if got := h.Hides(k, seq, connected); got != want {
			t.Errorf("%x with head %d, connected %t: hidden %t, want %t", k[:1], seq, connected, got, want)
		}
	}
	hides(eve, 100, true, true)
	hides(bob, 7, false, true)
	hides(bob, 8, false, false)
	hides(bob, 7, false, false)
	hides(old, 9, false, true)
	hides(old, 9, true, false)
	hides(catalog.Key{4}, 1, false, false)
	if err := h.Flush(); err != nil {
		t.Fatal(err)
	}
	h = open()
	if got := h.blocked(); len(got) != 1 || got[eve].name != "eve \"e\"" || h.forgot(bob) || h.forgot(old) {
		t.Errorf("after a restart blocked %v", got)
	}
	if err := h.show(eve); err != nil || h.Hides(eve, 1, true) || open().Hides(eve, 1, true) {
		t.Errorf("eve is still hidden, %v", err)
	}
}
