package main

import (
	"errors"
	"os"
	"testing"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/state"
	"p2pfs/swarm/swarmtest"
)

// TestMountKnowsPeers reads a torrent that was added by hand, found at a peer of
// --peer, again after a restart without that flag and without the cache.
func TestMountKnowsPeers(t *testing.T) {
	tor := swarmtest.MakeFile(t, swarmtest.V1, "one.bin", 200_000, 64<<10)
	p := swarmtest.Serve(t, swarmtest.Honest(tor))
	m := newMounted(t, t.Name(), "anna", "--no-embedded-tracker").start(tor.WriteTorrent(t, t.TempDir()), "--peer", p.Addr.String())
	m.sees(".p2pfs/torrents/one.bin", tor.Space)
	m.stop()
	if err := os.RemoveAll(m.base + "/cache"); err != nil {
		t.Fatal(err)
	}
	m.start()
	m.sees(".p2pfs/torrents/one.bin", tor.Space)
	within(t, patience, func() error { // what status tells is a little older
		if status(t, m).Traffic.Downloaded == 0 {
			return errors.New("nothing was fetched: the cache was still there")
		}
		return nil
	})
	known := state.NewKnownPeers(m.base+"/state", quiet)
	if got := known.Load(tor.Info.InfoHashes()[0]); len(got) != 1 || got[0] != p.Addr {
		t.Errorf("remembered %v, want %v", got, p.Addr)
	}
	runArgs(t, "remove", m.mnt(), "one.bin").want(t, cli.ExitDone, "")
	if got := known.Load(tor.Info.InfoHashes()[0]); got != nil {
		t.Errorf("a torrent that was removed is known at %v", got)
	}
}
