//go:build linux

package files

import (
	"bytes"
	"log/slog"
	"os"
	"testing"

	"p2pfs/swarm/metainfo"
)

// TestTwinsClaimed has members say of one v1 infohash that it is of many files:
// each keeps its own, the last few are known, also after a restart, and the
// list of them does not grow for ever.
func TestTwinsClaimed(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	dir := t.TempDir()
	ts := &Twins{Log: log}
	if err := ts.Load(dir); err != nil {
		t.Fatal(err)
	}
	v1, root := metainfo.Hash{1}, metainfo.Hash256{2}
	of := func(size int64) *twin { return ts.Of("x", metainfo.Content{Root: root, Size: size}, v1) }
	honest := of(100_000)
	if other := of(100_001); other == honest || of(100_000) != honest || other.Of.Size != 100_001 {
		t.Error("two sizes are one file")
	}
	for size := range int64(3 * maxTwins) {
		of(size + 1)
	}
	if n := len(ts.with(v1)); n != maxClaimed || len(ts.byV2) != maxClaimed {
		t.Errorf("%d known, %d in all; want %d", n, len(ts.byV2), maxClaimed)
	}
	if err := ts.Later.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(ts.path)
	if n := bytes.Count(text, []byte("\n")); err != nil || n > 2*maxTwins {
		t.Errorf("%d lines, %v", n, err)
	}
	again := &Twins{Log: log}
	if err := again.Load(dir); err != nil || len(again.with(v1)) != maxClaimed {
		t.Errorf("after a restart %d, %v", len(again.with(v1)), err)
	}
}
