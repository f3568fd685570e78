package swarm

import (
	"bytes"
	"fmt"
	"math/rand"
	"net/netip"
	"sync"
	"testing"

	"p2pfs/swarm/guard"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

// contents keeps pieces by their hash, so that equal pieces of several torrents
// are one, as a cache does.
type contents struct {
	mu     sync.Mutex
	pieces map[metainfo.Hash256][]byte
}

// under is one torrent's Storage in contents.
type under struct {
	*contents
	info   *metainfo.Info
	layers metainfo.Layers          // guarded by mu
	proven map[int]metainfo.Hash256 // guarded by mu
}

func (c *contents) open(m *metainfo.MetaInfo) (Storage, error) {
	return &under{contents: c, info: m.Info, layers: m.Layers, proven: map[int]metainfo.Hash256{}}, nil
}

// piece returns a piece, nil if it is not here. The caller has locked mu.
func (u *under) piece(i int) []byte {
	if h, ok := u.info.PieceHash2(u.layers, i); ok {
		return u.pieces[h]
	}
	return u.pieces[u.proven[i]]
}

func (u *under) SetLayers(l metainfo.Layers) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.layers = l
}

func (u *under) SetPieceHash(i int, h metainfo.Hash256) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.proven[i] = h
}

func (u *under) Has(i int) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.piece(i) != nil
}

func (u *under) ReadAt(p []byte, i int, begin int64) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if data := u.piece(i); data != nil {
		return copy(p, data[begin:]), nil
	}
	return 0, ErrMissing
}

func (u *under) WritePiece(i int, blocks [][]byte) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.pieces[hashing.Root(hashing.Leaves(blocks), u.info.LeafCount(i))] = bytes.Join(blocks, nil)
	return nil
}

func (u *under) Close() error { return nil }

// TestEqualPieces reads files whose pieces are equal but for the last by many
// threads at once: a piece that is lent to a reader, block by block, turns out to
// be in the storage already, by another file's name. (Run it under -race.)
func TestEqualPieces(t *testing.T) {
	const size, pieceLength, threads = 1_500_001, 512 << 10, 8
	files, reads := 40, 150
	if testing.Short() {
		files, reads = 12, 50
	}
	a, b := client(t, swarmtest.Host().String()), client(t, swarmtest.Host().String())
	shared := &contents{pieces: map[metainfo.Hash256][]byte{}}
	payloads, tors := make([][]byte, files), make([]*Torrent, files)
	for i := range files {
		payloads[i] = randomBytes(size)
		copy(payloads[i][size-8:], fmt.Sprintf("%08d", i))
		_, v2 := torrents(t, payloads[i], pieceLength)
		add(t, a, Spec{MetaInfo: v2, Storage: full(v2.Info, payloads[i]).open, Announce: Never})
		tors[i] = add(t, b, Spec{
			MetaInfo: &metainfo.MetaInfo{Info: v2.Info}, Storage: shared.open,
			Peers: []netip.AddrPort{a.Addr()}, Announce: Never,
		})
	}
	ctx := soon(t)
	var wg sync.WaitGroup
	for k := range threads {
		wg.Go(func() {
			rng, buf := rand.New(rand.NewSource(int64(k))), make([]byte, 100_000)
			for n := range reads {
				i := n / 4 % files
				r := tors[i].NewReader(0)
				off := rng.Int63n(size - int64(len(buf)))
				if n%2 == 0 { // one piece's blocks are here while the other's are waited for
					off = min((1+rng.Int63n(size/pieceLength))*pieceLength-1-rng.Int63n(int64(len(buf))-1), size-int64(len(buf)))
				}
				if _, err := r.ReadAt(ctx, buf, off); err != nil {
					t.Errorf("file %d at %d: %v", i, off, err)
				} else if !bytes.Equal(buf, payloads[i][off:off+int64(len(buf))]) {
					t.Errorf("file %d: false bytes at %d", i, off)
				}
				r.Close()
			}
		})
	}
	wg.Wait()
	if n := guard.Total(); n > 0 {
		t.Errorf("%d panics", n)
	}
}
