package main

import (
	"bytes"
	"context"
	"net/netip"
	"testing"
	"time"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/swarm/swarmtest"
)

// shared makes a torrent that names a tracker (rtorrent loads no other), and
// the files.
func shared(t *testing.T, kind swarmtest.Kind) (tor *swarmtest.Torrent, file, dir string) {
	t.Helper()
	url := start(t, "tracker", "--listen", swarmtest.Host().String()+":0").line(t)
	tor = swarmtest.Make(t, swarmtest.Spec{Kind: kind, Name: "dir", Trackers: []string{url}, Files: []swarmtest.File{
		{Path: "a", Data: swarmtest.Bytes(1, 1_000_000)}, {Path: "sub/b", Data: swarmtest.Bytes(2, 1)},
	}})
	dir = t.TempDir()
	tor.WritePayload(t, dir)
	return tor, tor.WriteTorrent(t, t.TempDir()), dir
}

// getFrom runs p2pfs get with these arguments, for a minute at most.
func getFrom(t *testing.T, tor *swarmtest.Torrent, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	out := t.TempDir()
	args = append(append([]string{"get", "--log-level", "debug", "-o", out}, args...), own(t)...)
	if status := run(ctx, args, &stdout, &stderr); status != cli.ExitDone {
		t.Fatalf("p2pfs %q: status %d, %s%s", args, status, stdout.String(), stderr.String())
	}
	tor.CheckPayload(t, out)
}

// TestGetFromClients fetches what other programs seed: dialled, from the
// torrent and from the magnet.
func TestGetFromClients(t *testing.T) {
	tests := []struct {
		name  string
		kinds []swarmtest.Kind
		seed  func(testing.TB, swarmtest.Run) *swarmtest.Client
	}{
		{"libtorrent", swarmtest.Kinds, swarmtest.LibtorrentSeed},
		{"aria2", []swarmtest.Kind{swarmtest.V1}, swarmtest.Aria2Seed},
		{"transmission", []swarmtest.Kind{swarmtest.V1}, swarmtest.TransmissionSeed},
		{"rtorrent", []swarmtest.Kind{swarmtest.V1}, swarmtest.RtorrentSeed},
	}
	for _, tt := range tests {
		for _, kind := range tt.kinds {
			t.Run(tt.name+" "+string(kind), func(t *testing.T) {
				t.Parallel()
				tor, file, dir := shared(t, kind)
				peer := tt.seed(t, swarmtest.Run{Torrent: file, Dir: dir}).Addr.String()
				getFrom(t, tor, file, "--peer", peer)
				getFrom(t, tor, tor.Magnet(peer))
			})
		}
	}
}

// TestSeedToClients has other programs fetch what p2pfs seeds, found through
// p2pfs' own tracker. Transmission dials nobody on loopback: there p2pfs does.
func TestSeedToClients(t *testing.T) {
	tests := []struct {
		name  string
		kinds []swarmtest.Kind
		leech func(testing.TB, swarmtest.Run) *swarmtest.Client
	}{
		{"libtorrent", swarmtest.Kinds, swarmtest.LibtorrentLeech},
		{"aria2", []swarmtest.Kind{swarmtest.V1}, swarmtest.Aria2Leech},
		{"rtorrent", []swarmtest.Kind{swarmtest.V1}, swarmtest.RtorrentLeech},
		{"transmission", []swarmtest.Kind{swarmtest.V1}, swarmtest.TransmissionLeech},
	}
	for _, tt := range tests {
		for _, kind := range tt.kinds {
			t.Run(tt.name+" "+string(kind), func(t *testing.T) {
				t.Parallel()
				tor, file, data := shared(t, kind)
				at := swarmtest.Host()
				leecher := netip.AddrPortFrom(at, swarmtest.FreePorts(t, at, 2))
				if tt.name == "transmission" {
					seedTorrent(t, file, data, "--peer", leecher.String())
				} else {
					seedTorrent(t, file, data)
				}
				c := tt.leech(t, swarmtest.Run{Torrent: file, Addr: leecher})
				c.WaitWhole(t, 90*time.Second)
				tor.CheckPayload(t, c.Dir)
			})
		}
	}
}
