package swarm

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
	"p2pfs/swarm/wire"
)

// Ids that an asker wants extensions under.
const theirDontHave, theirUploadOnly = 21, 22

// asker is a scripted peer that asks a holder for pieces.
type asker struct{ talker }

// askAt connects to a client, as a peer that speaks the extensions or knows
// nothing but BEP 3, and waits until it may ask.
func askAt(t *testing.T, c *Client, h metainfo.Hash, modern bool) (a asker, first *wire.ExtendedHandshake) {
	t.Helper()
	a = asker{talker{swarmtest.Dial(t, swarmtest.Host(), c.Addr()), t}}
	hs := wire.Handshake{InfoHash: h, PeerID: swarmtest.PeerID()}
	if modern {
		hs.SetExtended()
		hs.SetFast()
	}
	if err := a.SendHandshake(hs); err != nil {
		t.Fatal(err)
	}
	if _, err := a.ReadHandshake(); err != nil {
		t.Fatal(err)
	}
	if modern {
		a.send(wire.AppendExtendedHandshake(nil, &wire.ExtendedHandshake{
			M: map[string]int{wire.ExtDontHave: theirDontHave, wire.ExtUploadOnly: theirUploadOnly},
		}))
		a.send(wire.AppendHaveNone(nil))
		var err error
		if first, err = wire.ParseExtendedHandshake(a.next(0)); err != nil {
			t.Fatal(err)
		}
	}
	a.send(wire.AppendInterested(nil))
	a.Expect(t, wire.MsgUnchoke)
	return a, first
}

// request asks for the first block of a piece, and returns what comes.
func (a asker) request(piece int) swarmtest.Msg {
	a.t.Helper()
	a.send(wire.AppendRequest(nil, wire.Block{Index: piece, Length: hashing.BlockSize}))
	for {
		m, err := a.ReadMsg()
		if err != nil {
			a.t.Fatal(err)
		}
		if !m.KeepAlive && (m.ID == wire.MsgPiece || m.ID == wire.MsgReject) {
			return m
		}
	}
}

// TestEvictedPieceIsTakenBack tells those who understand, rejects what they
// asked for nevertheless, and lets nobody wait for what will not come.
func TestEvictedPieceIsTakenBack(t *testing.T) {
	payload := randomBytes(500_000)
	m, _ := torrents(t, payload, 64<<10)
	store := full(m.Info, payload)
	c := client(t, swarmtest.Host().String())
	tor := add(t, c, Spec{MetaInfo: m, Storage: store.open, Announce: Never})
	modern, _ := askAt(t, c, m.Info.HashV1, true)
	if got := modern.request(2); got.ID != wire.MsgPiece {
		t.Fatalf("a held piece: got %v", got)
	}
	old, _ := askAt(t, c, m.Info.HashV1, false)

	store.drop(2)
	tor.Evicted(2)
	if piece, err := wire.ParseDontHave(modern.next(theirDontHave)); piece != 2 || err != nil {
		t.Errorf("lt_donthave: got %d, %v, want 2", piece, err)
	}
	if got := modern.request(2); got.ID != wire.MsgReject {
		t.Errorf("an evicted piece: got %v, want a reject", got)
	}
	if got := modern.request(3); got.ID != wire.MsgPiece {
		t.Errorf("another piece: got %v", got)
	}
	store.drop(4) // without a word: found out by whoever asks
	if got := modern.request(4); got.ID != wire.MsgReject {
		t.Errorf("a piece that cannot be read: got %v, want a reject", got)
	}
	if piece, err := wire.ParseDontHave(modern.next(theirDontHave)); piece != 4 || err != nil {
		t.Errorf("lt_donthave: got %d, %v, want 4", piece, err)
	}
	old.send(wire.AppendRequest(nil, wire.Block{Index: 2, Length: hashing.BlockSize}))
	old.gone() // it may come again, and is told then

	again := asker{talker{swarmtest.Dial(t, swarmtest.Host(), c.Addr()), t}}
	if err := again.SendHandshake(wire.Handshake{InfoHash: m.Info.HashV1}); err != nil {
		t.Fatal(err)
	}
	if _, err := again.ReadHandshake(); err != nil {
		t.Fatal(err)
	}
	if bits := again.Expect(t, wire.MsgBitfield); bits[0] != 0b11010111 {
		t.Errorf("bitfield: got %08b, want pieces 2 and 4 missing", bits[0])
	}
}

// TestPartialSeed is upload-only while nobody here reads (BEP 21), and takes
// that back before it is interested.
func TestPartialSeed(t *testing.T) {
	t.Run("of a part", func(t *testing.T) { partialSeed(t, false) })
	t.Run("that was whole", func(t *testing.T) { partialSeed(t, true) })
}

func partialSeed(t *testing.T, whole bool) {
	payload := randomBytes(500_000)
	m, _ := torrents(t, payload, 64<<10)
	store := full(m.Info, payload)
	if !whole {
		store.drop(1)
	}
	c := client(t, swarmtest.Host().String())
	tor := add(t, c, Spec{MetaInfo: m, Storage: store.open, Announce: Never})
	if _, err := tor.Metadata(soon(t)); err != nil { // its storage is open then
		t.Fatal(err)
	}
	a, first := askAt(t, c, m.Info.HashV1, true)
	if !first.UploadOnly {
		t.Error("the handshake does not say upload_only")
	}
	if whole {
		store.drop(1)
		tor.Evicted(1)
	}
	a.send(wire.AppendHave(nil, 1))
	read := make(chan error, 1)
	go func() {
		p := make([]byte, 100)
		_, err := tor.NewReader(0).ReadAt(soon(t), p, 70_000)
		if err == nil && string(p) != string(payload[70_000:70_100]) {
			err = errors.New("other bytes")
		}
		read <- err
	}()
	if only, err := wire.ParseUploadOnly(a.next(theirUploadOnly)); only || err != nil {
		t.Errorf("upload_only: got %v, %v, want it taken back", only, err)
	}
	a.Expect(t, wire.MsgInterested)
	a.send(wire.AppendUnchoke(nil))
	for range 4 {
		b, err := wire.ParseRequest(a.Expect(t, wire.MsgRequest))
		if err != nil {
			t.Fatal(err)
		}
		from := b.Index<<16 + b.Begin
		a.send(append(wire.AppendPieceHeader(nil, b.Index, b.Begin, b.Length), payload[from:from+b.Length]...))
	}
	if err := <-read; err != nil {
		t.Error(err)
	}
}

// slow is a client that takes its time to send.
func slow(t *testing.T) *Client {
	t.Helper()
	c, err := New(Config{Listen: swarmtest.Host().String() + ":0", UploadLimit: 200 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestLibtorrentOfAnEvictingHolder downloads from one of us who loses pieces all
// the time, and from one who has just those.
func TestLibtorrentOfAnEvictingHolder(t *testing.T) {
	t.Parallel()
	tor := unique(t, swarmtest.V1)
	one, err := holding(tor)(tor.Meta)
	if err != nil {
		t.Fatal(err)
	}
	store := one.(*memory)
	c := slow(t)
	evicting := add(t, c, Spec{MetaInfo: tor.Meta, Storage: store.open, Announce: Never})
	rest := slow(t)
	few, err := holding(tor)(tor.Meta)
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i < tor.Info.Pieces.Count(); i += 2 {
		few.(*memory).drop(i - 1)
	}
	add(t, rest, Spec{MetaInfo: tor.Meta, Storage: few.(*memory).open, Announce: Never})
	lt := swarmtest.LibtorrentLeech(t, swarmtest.Run{
		Torrent: tor.WriteTorrent(t, t.TempDir()), Peers: []netip.AddrPort{c.Addr(), rest.Addr()},
	})
	eventually(t, "libtorrent has begun", func() bool { return evicting.Stats().Sent > 0 })
	for i := 1; i < tor.Info.Pieces.Count(); i += 2 { // what the other one has
		store.drop(i)
		evicting.Evicted(i)
	}
	lt.WaitWhole(t, time.Minute)
	tor.CheckPayload(t, lt.Dir)
}
