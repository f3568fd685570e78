package state

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"p2pfs/swarm/metainfo"
)

// TestAskedIsBounded has peers ask for thousands of infohashes beside what the
// user asked for.
func TestAskedIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "asked")
	now := time.Unix(1_900_000_000, 0)
	a, err := OpenAsked(path, now)
	if err != nil {
		t.Fatal(err)
	}
	hash := func(n int) metainfo.Hash { return metainfo.Hash{1, byte(n), byte(n >> 8)} }
	users := metainfo.Hash{2}
	if gone, err := a.Add(users, true, nobodyFetches, now); err != nil || len(gone) > 0 {
		t.Fatal(gone, err)
	}
	var gone []metainfo.Hash
	writes, before := 0, []byte(nil)
	for n := range 3000 {
		now = now.Add(time.Second / 10)
		out, err := a.Add(hash(n), false, nobodyFetches, now)
		if err != nil {
			t.Fatal(err)
		}
		gone = append(gone, out...)
		if text, _ := os.ReadFile(path); !bytes.Equal(text, before) {
			writes, before = writes+1, text
		}
	}
	if len(a.All()) != maxAsked || !a.Has(users) || !a.Has(hash(2999)) || a.Has(hash(0)) {
		t.Errorf("%d remembered; the user's %v, the last %v, the first %v", len(a.All()), a.Has(users), a.Has(hash(2999)), a.Has(hash(0)))
	}
	if len(gone) != 3001-maxAsked || gone[0] != hash(0) {
		t.Errorf("%d pushed out, first %v", len(gone), gone[0])
	}
	if writes > 7 { // in five minutes
		t.Errorf("written %d times", writes)
	}
	if err := a.Flush(now); err != nil {
		t.Fatal(err)
	}
	b, err := OpenAsked(path, now)
	if err != nil || len(b.All()) != maxAsked || b.hashes[users] != (ask{time.Unix(1_900_000_000, 0), true}) {
		t.Errorf("after a restart: %d, %v", len(b.All()), err)
	}
	later := now.Add(askedLife - time.Minute)
	if gone = b.Expire(func(ih metainfo.Hash) bool { return ih == users }, later); slices.Contains(gone, users) {
		t.Error("what is in use has expired")
	}
	if b.Expire(func(metainfo.Hash) bool { return false }, later.Add(2*time.Minute)); !b.Has(users) || len(b.All()) != 1 {
		t.Errorf("%d are left of all that expired", len(b.All()))
	}
}

// TestAskedOfOlderVersions reads a list without times, too long, with rubbish.
func TestAskedOfOlderVersions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "asked")
	var text bytes.Buffer
	for n := range 500 {
		fmt.Fprintf(&text, "%v\n", metainfo.Hash{byte(n), byte(n >> 8), 1})
	}
	text.WriteString("\nx y z\n0102\n\xff\x00")
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_900_000_000, 0)
	a, err := OpenAsked(path, now)
	if err != nil || len(a.All()) != maxAsked {
		t.Fatalf("%d, %v", len(a.All()), err)
	}
	for _, ask := range a.hashes {
		if !ask.at.Equal(now) || ask.user {
			t.Fatalf("got %+v", ask)
		}
	}
}

func nobodyFetches(metainfo.Hash) bool { return false }

// TestAskedSparesWhoIsFetched: strangers who ask for many push out what nobody
// fetches, and not a transfer that began before they came.
func TestAskedSparesWhoIsFetched(t *testing.T) {
	now, fetched := time.Unix(1_900_000_000, 0), metainfo.Hash{0xff}
	a, err := OpenAsked(filepath.Join(t.TempDir(), "asked"), now)
	if err != nil {
		t.Fatal(err)
	}
	used := func(ih metainfo.Hash) bool { return ih == fetched }
	for i := range 2 * maxAsked {
		ih := metainfo.Hash{byte(i), byte(i >> 8)}
		if i == 0 {
			ih = fetched
		}
		now = now.Add(time.Second)
		gone, err := a.Add(ih, false, used, now)
		if err != nil || slices.Contains(gone, fetched) {
			t.Fatalf("after %d: %v went, %v", i, gone, err)
		}
	}
}
