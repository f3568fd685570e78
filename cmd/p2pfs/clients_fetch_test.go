//go:build linux

package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

// TestClientsFetchShared has other programs fetch files of the share directory,
// each one of its own, so that it comes from there: from the magnet or the
// exported torrent, found through our embedded tracker, through opentracker, or
// by the address in the magnet. Transmission, which dials nobody on loopback,
// does so in TestTwoMachines.
func TestClientsFetchShared(t *testing.T) {
	t.Parallel()
	needMount(t)
	theirs := swarmtest.Opentracker(t)
	anna := newMounted(t, t.Name()+" anna", "anna").start()
	bob := newMounted(t, t.Name()+" bob", "bob", "--tracker", theirs.URL).start()
	type form string
	const (
		byTracker form = "magnet without addresses"
		byAddress form = "magnet without trackers"
		exported  form = "torrent"
	)
	tests := []struct {
		client string
		leech  startClient
		kind   swarmtest.Kind
		form   form
		of     *mounted
		fetch  *swarmtest.Client
		tor    *swarmtest.Torrent
	}{
		{client: "libtorrent", leech: swarmtest.LibtorrentLeech, kind: swarmtest.V1, form: byTracker, of: anna},
		{client: "libtorrent", leech: swarmtest.LibtorrentLeech, kind: swarmtest.V1, form: exported, of: bob},
		{client: "libtorrent", leech: swarmtest.LibtorrentLeech, kind: swarmtest.V2, form: byTracker, of: bob},
		{client: "libtorrent", leech: swarmtest.LibtorrentLeech, kind: swarmtest.V2, form: byAddress, of: anna},
		{client: "libtorrent", leech: swarmtest.LibtorrentLeech, kind: swarmtest.V2, form: exported, of: anna},
		{client: "aria2", leech: swarmtest.Aria2Leech, kind: swarmtest.V1, form: byTracker, of: anna},
		{client: "aria2", leech: swarmtest.Aria2Leech, kind: swarmtest.V1, form: exported, of: bob},
		{client: "rtorrent", leech: swarmtest.RtorrentLeech, kind: swarmtest.V1, form: byTracker, of: bob},
		{client: "rtorrent", leech: swarmtest.RtorrentLeech, kind: swarmtest.V1, form: exported, of: anna},
	}
	var hashes [][20]byte
	for i := range tests {
		tt := &tests[i]
		tt.tor = swarmtest.MakeFile(t, tt.kind, fmt.Sprintf("%s %s %s.bin", tt.client, tt.kind, tt.form), 700_000+i, 64<<10)
		tt.of.write(tt.tor.Info.Name, tt.tor.Space)
		hashes = append(hashes, tt.tor.InfoHash())
	}
	theirs.Allow(t, hashes...)
	for i := range tests {
		tt := &tests[i]
		what := tt.of.magnet(tt.tor.Info.Name, tt.kind)
		m, err := metainfo.ParseMagnet(what)
		if err != nil || m.InfoHashes()[0] != tt.tor.InfoHash() || len(m.Trackers) == 0 || len(m.Peers) == 0 {
			t.Fatalf("%q, %v, want infohash %x, a tracker and an address", what, err, tt.tor.InfoHash())
		}
		switch tt.form {
		case byTracker:
			m.Peers = nil
			what = m.String()
		case byAddress:
			m.Trackers = nil
			what = m.String()
		case exported:
			what = tt.of.export(tt.tor.Info.Name, tt.kind)
		}
		tt.fetch = tt.leech(t, swarmtest.Run{Torrent: what})
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s %s %s of %s", tt.client, tt.kind, tt.form, tt.of.name), func(t *testing.T) {
			tt.fetch.WaitWhole(t, clientPatience)
			tt.tor.CheckPayload(t, tt.fetch.Dir)
			tt.fetch.Kill() // rtorrent takes seconds to end
		})
	}
}

// magnet is the link of a file of the share directory, once it is published.
func (m *mounted) magnet(path string, kind swarmtest.Kind) (link string) {
	m.t.Helper()
	within(m.t, patience, func() error {
		r := runArgs(m.t, append([]string{"magnet", m.share(path)}, kindFlag(kind)...)...)
		link = strings.TrimSpace(r.stdout)
		if r.status != cli.ExitDone {
			return fmt.Errorf("%s", r.stderr)
		}
		return nil
	})
	return link
}

// export writes the torrent of a file of the share directory.
func (m *mounted) export(path string, kind swarmtest.Kind) string {
	m.t.Helper()
	out := filepath.Join(m.t.TempDir(), "exported.torrent")
	args := append([]string{"export", m.share(path), "-o", out}, kindFlag(kind)...)
	runArgs(m.t, args...).want(m.t, cli.ExitDone, "")
	return out
}

func kindFlag(kind swarmtest.Kind) []string {
	if kind == swarmtest.V2 {
		return []string{"--v2"}
	}
	return nil
}
