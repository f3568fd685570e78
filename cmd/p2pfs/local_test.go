package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/swarm/swarmtest"
)

// here are the flags of a get or seed at a loopback address of its own, where
// it may announce.
func here(t *testing.T) []string {
	t.Helper()
	return []string{"--listen", swarmtest.Host().String() + ":0", "--state", t.TempDir()}
}

// unique makes a torrent that no other test on this machine announces.
func unique(t *testing.T) (tor *swarmtest.Torrent, file, dir string) {
	t.Helper()
	tor = swarmtest.Make(t, swarmtest.Spec{Name: "file", Single: true, Files: []swarmtest.File{
		{Path: "file", Data: swarmtest.Bytes(uint64(time.Now().UnixNano()), 200_000)},
	}})
	dir = t.TempDir()
	tor.WritePayload(t, dir)
	return tor, tor.WriteTorrent(t, t.TempDir()), dir
}

// TestGetHere fetches from a seed that only the local network leads to.
func TestGetHere(t *testing.T) {
	t.Parallel()
	tor, file, dir := unique(t)
	start(t, append([]string{"seed", file, "--data", dir}, here(t)...)...).line(t)
	out := t.TempDir()
	runArgs(t, append([]string{"get", tor.Magnet(), "-o", out}, here(t)...)...).want(t, cli.ExitDone, "verified")
	tor.CheckPayload(t, out)
}

// TestNoLSD finds nobody so, where one of the two does without.
func TestNoLSD(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][2]string{"the seed": {"--no-lsd", "--log-level=warn"}, "the get": {"--log-level=warn", "--no-lsd"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tor, file, dir := unique(t) // of its own: the other case announces
			start(t, append([]string{"seed", file, "--data", dir, flags[0]}, here(t)...)...).line(t)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			out := t.TempDir()
			args := append([]string{"get", tor.Magnet(), "-o", out, flags[1]}, here(t)...)
			if status := run(ctx, args, io.Discard, io.Discard); status == cli.ExitDone {
				t.Error("fetched it all the same")
			}
			if _, err := os.Stat(filepath.Join(out, "file")); err == nil {
				t.Error("the file is there")
			}
		})
	}
}
