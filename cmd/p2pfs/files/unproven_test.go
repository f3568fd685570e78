//go:build linux

package files

import (
	"bytes"
	"errors"
	"testing"

	"p2pfs/swarm/held"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

// TestUnprovenStaysOutOfTheCache takes in pieces of a v1 torrent that is not of
// the file whose entry names it: until that is known they are in memory, read
// from there, and bounded; the cache has nothing of them, then or after.
func TestUnprovenStaysOutOfTheCache(t *testing.T) {
	ts := newTwins(t)
	const size, piece = 1 << 20, 64 << 10
	lie := swarmtest.Bytes(1, size)
	tw := ts.Of("x", metainfo.Content{Root: metainfo.Hash256{1}, Size: size}, metainfo.Hash{2})
	for i := range size/piece - 1 {
		if err := tw.stored(i, [][]byte{lie[i*piece : (i+1)*piece]}); err != nil {
			t.Fatal(err)
		}
	}
	got := make([]byte, 100)
	if _, err := ts.unproven.readAt(tw, got, 1, 50); err != nil || !bytes.Equal(got, lie[piece+50:piece+150]) {
		t.Errorf("what is held is not read: %v", err)
	}
	if n := ts.Cache.Usage().Used; n != 0 || ts.unproven.held != size-piece {
		t.Errorf("%d bytes in the cache, %d held; want 0 and %d", n, ts.unproven.held, size-piece)
	}
	last := size/piece - 1
	if err := tw.stored(last, [][]byte{lie[last*piece:]}); !errors.Is(err, errTwins) {
		t.Errorf("got %v, want %v", err, errTwins)
	}
	if n := ts.Cache.Usage().Used; n != 0 || ts.unproven.held != 0 {
		t.Errorf("after all %d bytes in the cache, %d held; want none", n, ts.unproven.held)
	}
	var full error
	for i := range 2 * maxAllUnproven / maxUnproven {
		of := metainfo.Content{Root: metainfo.Hash256{3, byte(i)}, Size: maxUnproven}
		full = ts.unproven.put(ts.Of("y", of, metainfo.Hash{4, byte(i)}), 0, [][]byte{make([]byte, maxUnproven)})
	}
	if !errors.Is(full, errUnproven) || ts.unproven.held > maxAllUnproven {
		t.Errorf("%d bytes are held, %v", ts.unproven.held, full)
	}
}

// TestUnprovenTwinIsNotFetched: an entry with a made-up root and the infohash of
// somebody's large v1 torrent has none of that fetched. Without the bound the
// read would begin the v1 torrent, which this file has no member for.
func TestUnprovenTwinIsNotFetched(t *testing.T) {
	const size = 300 << 20
	of := metainfo.Content{Root: metainfo.Hash256{1}, Size: size}
	info, err := metainfo.BuildV2("x", size, metainfo.PieceLength(size), of.Root, metainfo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tw := &twin{ts: &Twins{Holdings: &Holdings{Index: held.NewIndex(nil)}}, name: "x", Of: of, info: info, turn: make(chan struct{}, 1)}
	f := &swarmFile{m: &Files{}, name: "x", of: of, twin: tw}
	if err := f.fromTwin(t.Context(), 0, 1); !errors.Is(err, errUnproven) {
		t.Errorf("got %v, want %v", err, errUnproven)
	}
}
