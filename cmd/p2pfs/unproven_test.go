//go:build linux

package main

import (
	"errors"
	"testing"

	"p2pfs/swarm/metainfo"
)

// TestUnprovenTwinIsNotFetched: an entry with a made-up root and the infohash of
// somebody's large v1 torrent has none of that fetched. Without the bound the
// read would begin the v1 torrent, which this file has no member for.
func TestUnprovenTwinIsNotFetched(t *testing.T) {
	const size = 300 << 20
	of := metainfo.Content{Root: metainfo.Hash256{1}, Size: size}
	info, err := metainfo.BuildV2("x", size, metainfo.PieceLength(size), of.Root)
	if err != nil {
		t.Fatal(err)
	}
	m := &member{holdings: &holdings{}}
	tw := &twin{m: m, name: "x", of: of, info: info, turn: make(chan struct{}, 1)}
	f := &swarmFile{m: m, name: "x", of: of, twin: tw}
	if err := f.fromTwin(t.Context(), 0, 1); !errors.Is(err, errUnproven) {
		t.Errorf("got %v, want %v", err, errUnproven)
	}
}
