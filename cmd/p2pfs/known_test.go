package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/state"
	"p2pfs/swarm"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

// TestUnwritableKnownPeers logs it, and nothing else.
func TestUnwritableKnownPeers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := swarm.Spec{Magnet: &metainfo.Magnet{HasV1: true, V1: metainfo.Hash{1}}}
	state.NewKnownPeers(file, quiet).Into(&s)
	s.Remember([]netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:1")})
	if s.Known != nil {
		t.Errorf("known: %v", s.Known)
	}
}

// TestGetKnowsPeers fetches a second time from the peer that --peer named the
// first time, and a third time by another name of the same torrent.
func TestGetKnowsPeers(t *testing.T) {
	tor, file, dir := sampleTorrent(t, swarmtest.V1)
	addr := seedTorrent(t, file, dir)
	flags := own(t)
	for i, args := range [][]string{{file, "--peer", addr}, {file}, {tor.Magnet()}} {
		out := t.TempDir()
		r := runArgs(t, append(append([]string{"get", "-o", out}, args...), flags...)...)
		r.want(t, cli.ExitDone, "verified")
		tor.CheckPayload(t, out)
		if i > 0 && strings.Contains(r.stderr, "neither a tracker nor a peer") {
			t.Errorf("%q: stderr %q", args, r.stderr)
		}
	}
}
