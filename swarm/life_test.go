package swarm

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
	"p2pfs/swarm/tracker"
	"p2pfs/swarm/tracker/trackertest"
)

// eventually waits until f holds.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	within(t, 20*time.Second, what, f)
}

// within waits so long until f holds.
func within(t testing.TB, patience time.Duration, what string, f func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !f() {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

// pair is a seeder and a leecher of one torrent.
func pair(t *testing.T, size int, spec Spec) (seeder, leecher *Torrent, payload []byte) {
	t.Helper()
	payload = randomBytes(size)
	v1, _ := torrents(t, payload, 64<<10)
	a, b := client(t, swarmtest.Host().String()), client(t, swarmtest.Host().String())
	seeder = add(t, a, Spec{MetaInfo: v1, Storage: full(v1.Info, payload).open})
	spec.MetaInfo, spec.Peers = v1, []netip.AddrPort{a.Addr()}
	if spec.Storage == nil {
		spec.Storage = (&memory{}).open
	}
	return seeder, add(t, b, spec), payload
}

func TestNothingButWhatIsRead(t *testing.T) {
	_, tor, payload := pair(t, 4<<20, Spec{})
	r := tor.NewReader(0)
	defer r.Close()
	buf := make([]byte, 4096)
	for _, off := range []int64{3 << 20, 1 << 20, 2<<20 + 5} {
		if _, err := r.ReadAt(soon(t), buf, off); err != nil || !bytes.Equal(buf, payload[off:off+4096]) {
			t.Fatalf("at %d: %v", off, err)
		}
	}
	eventually(t, "stats", func() bool { return tor.Stats().Received > 0 })
	if n := tor.Stats().Received; n > 3*64<<10 {
		t.Errorf("fetched %d bytes for three reads in three pieces of 64 KiB", n)
	}
}

func TestSequentialReadsAreFetchedAhead(t *testing.T) {
	_, tor, _ := pair(t, 4<<20, Spec{})
	r := tor.NewReader(0)
	defer r.Close()
	buf := make([]byte, 128<<10)
	for i := range int64(4) {
		if _, err := r.ReadAt(soon(t), buf, i*128<<10); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "1 MiB ahead", func() bool { return tor.Stats().Received >= 1<<20 })
}

func TestCancelledReadIsWithdrawn(t *testing.T) {
	v1, _ := torrents(t, randomBytes(100), 64<<10)
	tor := add(t, client(t, "127.0.0.1"), Spec{MetaInfo: v1, Storage: (&memory{}).open})
	ctx, cancel := context.WithCancel(soon(t))
	done := make(chan error)
	r := tor.NewReader(0)
	go func() { _, err := r.ReadAt(ctx, make([]byte, 10), 0); done <- err }()
	eventually(t, "a read waits", func() bool { return tor.Stats().Waiting == 1 })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want canceled", err)
	}
	eventually(t, "no read waits", func() bool { return tor.Stats().Waiting == 0 })
}

func TestReadTimesOutWithACause(t *testing.T) {
	v1, _ := torrents(t, randomBytes(100), 64<<10)
	tor := add(t, client(t, "127.0.0.1"), Spec{MetaInfo: v1, Storage: (&memory{}).open, ReadTimeout: 200 * time.Millisecond})
	_, err := tor.NewReader(0).ReadAt(soon(t), make([]byte, 10), 0)
	if !errors.Is(err, ErrTimeout) || !strings.Contains(err.Error(), "no peer connected") {
		t.Errorf("got %v, want a timeout for want of peers", err)
	}
}

func TestReadsGoOnWithoutTheStorage(t *testing.T) {
	full := errors.New("disk full")
	_, tor, payload := pair(t, 300_000, Spec{Storage: (&memory{pieces: map[int][]byte{}, fail: full}).open})
	check(t, tor, payload)
}

func TestDownloadEndsWithTheDisk(t *testing.T) {
	full := errors.New("disk full")
	_, tor, _ := pair(t, 300_000, Spec{Everything: true, Storage: (&memory{pieces: map[int][]byte{}, fail: full}).open})
	if err := tor.Wait(soon(t)); !errors.Is(err, full) {
		t.Errorf("got %v, want %v", err, full)
	}
}

func TestEvictedPieceIsFetchedAgain(t *testing.T) {
	store := &memory{}
	_, tor, payload := pair(t, 300_000, Spec{Storage: store.open})
	check(t, tor, payload)
	store.drop(2)
	tor.Evicted(2)
	check(t, tor, payload)
	store.drop(3) // without a word
	check(t, tor, payload)
}

func TestIdleTorrentEnds(t *testing.T) {
	t.Parallel()
	_, tor, payload := pair(t, 1000, Spec{Idle: 300 * time.Millisecond})
	check(t, tor, payload)
	tor.AddPeers(nil)
	select {
	case <-tor.Done():
	case <-soon(t).Done():
		t.Fatal("did not end")
	}
	if _, err := tor.NewReader(0).ReadAt(soon(t), make([]byte, 1), 0); err != nil && !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want the byte or %v", err, ErrClosed)
	}
	if tor.client.Torrent(tor.naming.hashes[0]) != nil {
		t.Error("still in the table")
	}
}

func TestAddedTwiceIsOne(t *testing.T) {
	c := client(t, "127.0.0.1")
	v1, _ := torrents(t, randomBytes(100), 64<<10)
	one := add(t, c, Spec{MetaInfo: v1, Storage: (&memory{}).open})
	magnet := v1.Magnet()
	if two := add(t, c, Spec{Magnet: &magnet, Storage: (&memory{}).open}); two != one {
		t.Error("two torrents of one infohash")
	}
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	if three := add(t, c, Spec{MetaInfo: v1, Storage: (&memory{}).open}); three == one {
		t.Error("an ended torrent was returned")
	}
}

func TestDialToOurselvesIsNotRepeated(t *testing.T) {
	c := client(t, "127.0.0.1")
	v1, _ := torrents(t, randomBytes(100), 64<<10)
	tor := add(t, c, Spec{MetaInfo: v1, Storage: (&memory{}).open, Everything: true, Peers: []netip.AddrPort{c.Addr()}})
	eventually(t, "the address is forgotten", func() bool { return tor.stats.Load() != nil && tor.Stats().Known == 0 })
	tor.AddPeers([]netip.AddrPort{c.Addr()})
	eventually(t, "it stays so", func() bool { return tor.Stats().Known == 0 && tor.Stats().Peers == 0 })
}

func TestLookupMakesTorrents(t *testing.T) {
	payload := randomBytes(200_000)
	v1, v2 := torrents(t, payload, 64<<10)
	store := full(v1.Info, payload)
	seeder, err := New(Config{Listen: "127.0.0.9:0", Lookup: func(ih metainfo.Hash) (Spec, bool) {
		if ih == v2.Info.HashV2.Short() {
			return Spec{MetaInfo: v2, Storage: store.open, Announce: Never, Idle: time.Second}, true
		}
		return Spec{}, false
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer seeder.Close()
	b := client(t, swarmtest.Host().String())
	check(t, add(t, b, Spec{MetaInfo: &metainfo.MetaInfo{Info: v2.Info}, Storage: (&memory{}).open, Peers: []netip.AddrPort{seeder.Addr()}}), payload)
	other := add(t, b, Spec{MetaInfo: v1, Storage: (&memory{}).open, Peers: []netip.AddrPort{seeder.Addr()}, ReadTimeout: time.Second})
	if _, err := other.NewReader(0).ReadAt(soon(t), make([]byte, 1), 0); !errors.Is(err, ErrTimeout) {
		t.Errorf("unknown infohash: got %v, want a timeout", err)
	}
}

func TestTrackerIsTold(t *testing.T) {
	tr := trackertest.New(t)
	payload := randomBytes(200_000)
	v1, _ := torrents(t, payload, 64<<10)
	a, b := client(t, swarmtest.Host().String()), client(t, swarmtest.Host().String())
	add(t, a, Spec{MetaInfo: v1, Storage: full(v1.Info, payload).open, Trackers: []string{tr.URL()}})
	eventually(t, "the seeder announces", func() bool { return len(tr.Announces()) > 0 })
	tor := add(t, b, Spec{MetaInfo: v1, Storage: (&memory{}).open, Everything: true, Trackers: []string{tr.URL()}})
	if err := tor.Wait(soon(t)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "completed is told", func() bool { return told(tr, b, tracker.Completed) })
	tor.Close()
	if !told(tr, b, tracker.Started) || !told(tr, b, tracker.Stopped) {
		t.Errorf("got %+v, want started and stopped", tr.Announces())
	}
}

// told reports whether a Client announced an event.
func told(tr *trackertest.Tracker, c *Client, e tracker.Event) bool {
	for _, r := range tr.Announces() {
		if r.Announce.PeerID == c.peerID && tracker.Event(r.Announce.Event) == e {
			return true
		}
	}
	return false
}
