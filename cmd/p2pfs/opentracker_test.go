//go:build linux

package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/torrents"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
	"p2pfs/swarm/tracker"
)

// asker announces torrents to a tracker from an address of its own.
type asker struct {
	t    *testing.T
	host netip.Addr
	url  string
}

func newAsker(t *testing.T, url string) *asker { return &asker{t, swarmtest.Host(), url} }

// serves waits until an announce is answered as is wanted.
func (a *asker) serves(what string, ih metainfo.Hash, want bool) {
	a.t.Helper()
	within(a.t, patience, func() error {
		client := tracker.New(tracker.Config{Listen: a.host}) // each asks a tracker so often only
		defer client.Close()
		_, err := client.Announce(a.t.Context(), a.url, tracker.Request{InfoHash: ih, PeerID: [20]byte{'x'}, Port: 7000, Left: 1})
		switch {
		case want && err != nil:
			return fmt.Errorf("%s is not served: %w", what, err)
		case !want && (err == nil || !strings.Contains(err.Error(), "not served here")):
			return fmt.Errorf("%s is served: %v", what, err)
		}
		return nil
	})
}

// TestEmbeddedTrackerServesItsOwn announces to an embedded tracker what is the
// drive's business, and what is not.
func TestEmbeddedTrackerServesItsOwn(t *testing.T) {
	a := newMounted(t, t.Name(), "anna")
	data := swarmtest.Bytes(1, 100_000)
	a.write("dir/own file", data)
	a.start()
	h, err := hashing.File(t.Context(), bytes.NewReader(data), hashing.Config{PieceLength: 64 << 10, Length: int64(len(data))}, nil)
	if err != nil {
		t.Fatal(err)
	}
	v1, err := metainfo.BuildV1("own file", int64(len(data)), 64<<10, h.Pieces, metainfo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	own := metainfo.Content{Root: h.Root, Size: int64(len(data))}
	theirs := catalog.File{Path: "d/e/theirs", Size: 70_000, Root: catalog.Hash{9}, V1: [20]byte{8}, MTime: time.Unix(1, 0)}
	eve := newStranger(t, t.Name(), "eve", theirs).knows(a)
	ask := newAsker(t, a.tracker())
	ask.serves("the drive", metainfo.Hash(drive.OpenKey(t.Name()).Rendezvous()), true)
	ask.serves("our file's v2 torrent", metainfo.InfoHashV2("own file", own).Short(), true)
	ask.serves("our file's v1 torrent", v1.HashV1, true)
	ask.serves("another member's v1 torrent", metainfo.Hash(theirs.V1), true)
	ask.serves("another member's v2 torrent", metainfo.InfoHashV2("theirs", metainfo.Content{Root: metainfo.Hash256(theirs.Root), Size: theirs.Size}).Short(), true)
	ask.serves("anything", metainfo.Hash{1, 2, 3}, false)
	ask.serves("another drive", metainfo.Hash(drive.OpenKey("another").Rendezvous()), false)

	later := catalog.File{Path: "later", Size: 80_000, Root: catalog.Hash{9}, V1: [20]byte{7}, MTime: time.Unix(1, 0)}
	ask.serves("what is not yet shared", metainfo.Hash(later.V1), false)
	eve.publish(theirs, later)
	ask.serves("what is shared later", metainfo.Hash(later.V1), true)

	torrent := filepath.Join(t.TempDir(), "x.torrent")
	if err := os.WriteFile(filepath.Join(filepath.Dir(torrent), "x"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	runArgs(t, "create", filepath.Join(filepath.Dir(torrent), "x"), "-o", torrent).want(t, cli.ExitDone, "")
	m, err := torrents.ReadMetaInfo(torrent)
	if err != nil {
		t.Fatal(err)
	}
	added := m.Info.InfoHashes()[0]
	ask.serves("a torrent of somebody's", added, false)
	runArgs(t, "add", a.mnt(), torrent).want(t, cli.ExitDone, "")
	ask.serves("a torrent that was added", added, true)
}

// TestOpenTracker serves anything where that is asked for.
func TestOpenTracker(t *testing.T) {
	a := newMounted(t, t.Name(), "anna", "--open-tracker").start()
	newAsker(t, a.tracker()).serves("anything", metainfo.Hash{1, 2, 3}, true)
}

// TestTwoDrivesOneTracker has two drives of one machine meet their members at
// the one tracker that there is on it.
func TestTwoDrivesOneTracker(t *testing.T) {
	a := newMounted(t, t.Name()+"1", "anna").start()
	b := newMounted(t, t.Name()+"2", "bob")
	b.addr = a.addr
	b.start()
	c := newMounted(t, t.Name()+"2", "carl", "--tracker", a.tracker()).start()
	b.write("x", []byte("x"))
	c.sees("x", []byte("x"))
}
