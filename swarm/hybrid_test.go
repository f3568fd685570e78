package swarm

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

// TestHybridFromMagnets reads a hybrid from magnets that name both halves or
// one. A peer dialled by the v1 infohash may answer with either, and may know
// nothing of piece layers.
func TestHybridFromMagnets(t *testing.T) {
	tor := swarmtest.MakeFile(t, swarmtest.Hybrid, "file", 1<<20+5, 64<<10)
	in := tor.Info
	for magnetName, magnet := range map[string]metainfo.Magnet{
		"both": {HasV1: true, V1: in.HashV1, HasV2: true, V2: in.HashV2},
		"btih": {HasV1: true, V1: in.HashV1},
		"btmh": {HasV2: true, V2: in.HashV2},
	} {
		for peerName, b := range map[string]swarmtest.Behaviour{
			"honest": swarmtest.Honest(tor), "upgrade": swarmtest.Upgrading(tor), "only v1": swarmtest.WithoutV2(tor),
		} {
			if peerName == "only v1" && !magnet.HasV1 {
				continue
			}
			t.Run(magnetName+"/"+peerName, func(t *testing.T) {
				c := client(t, swarmtest.Host().String())
				peer := swarmtest.Serve(t, b).Addr
				check(t, add(t, c, Spec{Magnet: &magnet, Storage: (&memory{}).open, Peers: []netip.AddrPort{peer}}), tor.Files[0].Data)
			})
		}
		t.Run(magnetName+"/engine", func(t *testing.T) {
			a, b := client(t, swarmtest.Host().String()), client(t, swarmtest.Host().String())
			add(t, a, Spec{MetaInfo: tor.Meta, Storage: full(in, tor.Space).open})
			got := add(t, b, Spec{Magnet: &magnet, Storage: (&memory{}).open, Peers: []netip.AddrPort{a.Addr()}})
			check(t, got, tor.Files[0].Data)
		})
	}
}

// kept is a Sidecar of one torrent.
type kept struct{ *metainfo.MetaInfo }

func (k kept) Load(metainfo.Hash) *metainfo.MetaInfo { return k.MetaInfo }
func (kept) Save(metainfo.Hash, *metainfo.MetaInfo)  {}

// TestHalfOfHybridAgain adds a magnet of one half of a hybrid whose metadata an
// earlier run has kept: it is dialled and announced by that half, and found by both.
func TestHalfOfHybridAgain(t *testing.T) {
	tor := swarmtest.MakeFile(t, swarmtest.Hybrid, "file", 100_000, 64<<10)
	c, err := New(Config{Listen: swarmtest.Host().String() + ":0", Sidecar: kept{tor.Meta}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	magnet := metainfo.Magnet{HasV2: true, V2: tor.Info.HashV2}
	half := add(t, c, Spec{Magnet: &magnet, Storage: (&memory{}).open})
	if got := half.InfoHashes(); !slices.Equal(got, []metainfo.Hash{magnet.V2.Short()}) {
		t.Errorf("goes by %v", got)
	}
	if _, err := half.Metadata(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, h := range tor.Info.InfoHashes() {
		if c.Torrent(h) != half {
			t.Errorf("is not found by %v", h)
		}
	}
}

// TestCachedHybrid keeps the pieces of a hybrid in a store of pieces, before
// and after the layers are known.
func TestCachedHybrid(t *testing.T) {
	tor := swarmtest.Make(t, swarmtest.Spec{Kind: swarmtest.Hybrid, Name: "dir", Files: []swarmtest.File{
		{Path: "a", Data: swarmtest.Bytes(1, 150_000)}, {Path: "b", Data: swarmtest.Bytes(2, 70_000)}, {Path: "c", Data: swarmtest.Bytes(3, 1)},
	}})
	store := Cached(pieceMap{}, &metainfo.MetaInfo{Info: tor.Info})
	check := func() {
		t.Helper()
		for i := range tor.Info.Pieces.Count() {
			got := make([]byte, tor.Info.Pieces.Size(i))
			if n, err := store.ReadAt(got, i, 0); !store.Has(i) || n != len(got) || err != nil || !bytes.Equal(got, tor.Piece(i)) {
				t.Errorf("piece %d: got %d bytes, %v", i, n, err)
			}
		}
	}
	for i := range tor.Info.Pieces.Count() {
		if store.Has(i) {
			t.Errorf("piece %d is there", i)
		}
		if err := store.WritePiece(i, slices.Collect(slices.Chunk(tor.Piece(i), hashing.BlockSize))); err != nil {
			t.Errorf("piece %d: %v", i, err)
		}
	}
	check()
	store.SetLayers(tor.Layers())
	check()
}

// pieceMap is a PieceStore in memory.
type pieceMap map[[33]byte][]byte

func (m pieceMap) Size(k [33]byte) (int64, bool) { return int64(len(m[k])), m[k] != nil }

func (m pieceMap) ReadAt(k [33]byte, p []byte, off int64) (int, error) {
	return bytes.NewReader(m[k]).ReadAt(p, off)
}

func (m pieceMap) Put(k [33]byte, blocks [][]byte) error {
	m[k] = slices.Concat(blocks...)
	return nil
}
