package swarm

import (
	"net/netip"
	"sync/atomic"
	"testing"

	"p2pfs/swarm/guard"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
	"p2pfs/swarm/wire"
)

const planted = guard.Planted("planted in a test")

// panicking is a storage whose next read or write panics.
type panicking struct {
	Storage
	read, write atomic.Bool
}

func (p *panicking) ReadAt(b []byte, piece int, begin int64) (int, error) {
	if p.read.CompareAndSwap(true, false) {
		panic(planted)
	}
	return p.Storage.ReadAt(b, piece, begin)
}

func (p *panicking) WritePiece(piece int, blocks [][]byte) error {
	if p.write.CompareAndSwap(true, false) {
		panic(planted)
	}
	return p.Storage.WritePiece(piece, blocks)
}

// TestPanicInHandshake has what an incoming handshake asks the caller panic: the
// connection is closed, and the next one served.
func TestPanicInHandshake(t *testing.T) {
	swarmtest.CheckLeaks(t)
	g := guard.New(nil)
	payload := randomBytes(100_000)
	v1, _ := torrents(t, payload, 64<<10)
	lookup := metainfo.Hash{2}
	c, err := New(Config{
		Listen: swarmtest.Host().String() + ":0", Guard: g,
		Lookup: func(h metainfo.Hash) (Spec, bool) {
			if h == lookup {
				panic(planted)
			}
			return Spec{MetaInfo: v1, Storage: full(v1.Info, payload).open}, h == v1.Info.HashV1
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	conn := swarmtest.Dial(t, swarmtest.Host(), c.Addr())
	if err := conn.SendHandshake(wire.Handshake{InfoHash: lookup, PeerID: swarmtest.PeerID()}); err != nil {
		t.Fatal(err)
	}
	conn.ExpectClosed(t)
	eventually(t, "panic counted", func() bool { return g.Caught() == 1 })
	swarmtest.Dial(t, swarmtest.Host(), c.Addr()).Handshake(t, v1.Info.HashV1)
}

// TestPanicInUpload has the storage panic under an upload: the peer loses his
// connection, the torrent goes on, and he has the file after dialling anew.
func TestPanicInUpload(t *testing.T) {
	swarmtest.CheckLeaks(t)
	payload := randomBytes(300_000)
	v1, _ := torrents(t, payload, 64<<10)
	g := guard.New(nil)
	a, err := New(Config{Listen: swarmtest.Host().String() + ":0", Guard: g})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	st := &panicking{}
	st.read.Store(true)
	seeder := add(t, a, Spec{MetaInfo: v1, Storage: func(m *metainfo.MetaInfo) (Storage, error) {
		inner, err := full(v1.Info, payload).open(m)
		st.Storage = inner
		return st, err
	}})
	leecher := add(t, client(t, swarmtest.Host().String()), Spec{
		MetaInfo: v1, Storage: (&memory{}).open, Everything: true, Peers: []netip.AddrPort{a.Addr()},
	})
	if err := leecher.Wait(soon(t)); err != nil {
		t.Fatal(err)
	}
	check(t, leecher, payload)
	if g.Caught() != 1 || seeder.Err() != nil {
		t.Errorf("caught %d panics, seeder %v; want 1 and no error", g.Caught(), seeder.Err())
	}
}

// TestPanicInStorage has the storage panic at a write: that torrent ends with an
// error, another of the same Client goes on.
func TestPanicInStorage(t *testing.T) {
	swarmtest.CheckLeaks(t)
	payload, other := randomBytes(300_000), randomBytes(200_000)
	v1, _ := torrents(t, payload, 64<<10)
	w1, _ := torrents(t, other, 64<<10)
	a := client(t, swarmtest.Host().String())
	add(t, a, Spec{MetaInfo: v1, Storage: full(v1.Info, payload).open})
	add(t, a, Spec{MetaInfo: w1, Storage: full(w1.Info, other).open})
	g := guard.New(nil)
	b, err := New(Config{Listen: swarmtest.Host().String() + ":0", Guard: g})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	st := &panicking{}
	st.write.Store(true)
	bad := add(t, b, Spec{MetaInfo: v1, Everything: true, Peers: []netip.AddrPort{a.Addr()}, Storage: func(m *metainfo.MetaInfo) (Storage, error) {
		inner, err := (&memory{}).open(m)
		st.Storage = inner
		return st, err
	}})
	if err := bad.Wait(soon(t)); err == nil {
		t.Error("a torrent whose storage panicked is whole")
	}
	good := add(t, b, Spec{MetaInfo: w1, Everything: true, Peers: []netip.AddrPort{a.Addr()}, Storage: (&memory{}).open})
	if err := good.Wait(soon(t)); err != nil {
		t.Fatal(err)
	}
	check(t, good, other)
	if g.Caught() != 1 {
		t.Errorf("caught %d panics, want 1", g.Caught())
	}
}
