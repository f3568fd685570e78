//go:build linux

package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
	"p2pfs/swarm/wire"
)

// TestStrangersAskForEverything shakes hands for the v1 torrent of every shared
// file: what is announced for that, now and after a restart, stays bounded, and
// what the user gave a magnet of stays among it.
func TestStrangersAskForEverything(t *testing.T) {
	a := newMounted(t, t.Name(), "anna", "--no-embedded-tracker")
	const files = 300
	var hashes []metainfo.Hash
	for i := range files {
		name, data := fmt.Sprintf("file %03d", i), swarmtest.Bytes(uint64(i), 17_000)
		a.write(name, data)
		pl := metainfo.PieceLength(int64(len(data)))
		h, err := hashing.File(t.Context(), bytes.NewReader(data), hashing.Config{PieceLength: pl, Length: int64(len(data))}, nil)
		if err != nil {
			t.Fatal(err)
		}
		info, err := metainfo.BuildV1(name, int64(len(data)), pl, h.Pieces, metainfo.Options{})
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, info.HashV1)
	}
	a.start()
	within(t, patience, func() error {
		if n := status(t, a).Sharing.Files; n != files {
			return fmt.Errorf("%d files are shared", n)
		}
		return nil
	})
	runArgs(t, "magnet", a.share("file 000")).want(t, cli.ExitDone, hashes[0].String())
	addr := status(t, a).Listen
	for _, ih := range hashes {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(patience))
		conn.Write(wire.AppendHandshake(nil, wire.Handshake{InfoHash: ih, PeerID: [20]byte{'x'}}))
		if _, err := conn.Read(make([]byte, 68)); err != nil {
			t.Fatalf("no handshake: %v", err)
		}
		conn.Close()
	}
	a.stop()
	text, err := os.ReadFile(filepath.Join(a.base, "state", "asked"))
	if n := bytes.Count(text, []byte("\n")); err != nil || n > 200 {
		t.Errorf("%d are announced, %v", n, err)
	}
	for _, i := range []int{0, files - 1} {
		if !bytes.Contains(text, []byte(hashes[i].String())) {
			t.Errorf("that of file %d is not announced any more", i)
		}
	}
}
