package main

import (
	"bytes"
	"strings"
	"testing"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

// disagreeing is a hybrid whose v1 half has another hash for one piece.
func disagreeing(t *testing.T) *swarmtest.Torrent {
	t.Helper()
	tor := *swarmtest.Make(t, swarmtest.Spec{Kind: swarmtest.Hybrid, Name: "dir", Files: []swarmtest.File{
		{Path: "a", Data: swarmtest.Bytes(1, 200_000)}, {Path: "b", Data: swarmtest.Bytes(2, 100_000)},
	}})
	piece := tor.Info.Pieces.SHA1(2)
	other := piece
	other[5] ^= 1
	in, err := metainfo.ParseInfo(bytes.Replace(tor.Info.Raw, piece[:], other[:], 1))
	if err != nil {
		t.Fatal(err)
	}
	meta := *tor.Meta
	meta.Info, tor.Info = in, in
	tor.Meta = &meta
	return &tor
}

// TestHalvesThatDisagree fetches a hybrid that is broken, from a seeder that
// has what its v2 half says: from the torrent and from its magnet.
func TestHalvesThatDisagree(t *testing.T) {
	tor := disagreeing(t)
	peer := swarmtest.Serve(t, swarmtest.Honest(tor)).Addr.String()
	for _, what := range []string{tor.WriteTorrent(t, t.TempDir()), tor.Magnet(peer)} {
		out := t.TempDir()
		r := runArgs(t, append([]string{"get", what, "-o", out, "--peer", peer}, own(t)...)...)
		if r.status != cli.ExitFailed || !strings.Contains(r.stderr, "p2pfs: the v1 and v2 hashes of a piece disagree: the torrent is broken\n") {
			t.Errorf("%.40s: status %d, %q", what, r.status, r.stderr)
		}
	}
}
