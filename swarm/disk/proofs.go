package disk

import (
	"sync"
	"sync/atomic"

	"p2pfs/swarm/metainfo"
)

// proofs say what pieces must hash to, as far as is known.
type proofs struct {
	info    *metainfo.Info
	layers  atomic.Pointer[metainfo.Layers]
	orphans orphans
}

func newProofs(m *metainfo.MetaInfo) *proofs {
	p := &proofs{info: m.Info}
	p.layers.Store(&m.Layers)
	return p
}

// verdict is what can be said of a piece by its sums.
type verdict int

const (
	bad verdict = iota
	good
	unsure // its hash is in a piece layer that is not known
)

// judge compares what a piece hashes to with what it should.
func (p *proofs) judge(piece int, sum sums) verdict {
	if p.info.V1 && sum.v1 != p.info.Pieces.SHA1(piece) {
		return bad
	}
	if !p.info.V2 {
		return good
	}
	want, ok := p.info.PieceHash2(*p.layers.Load(), piece)
	switch {
	case ok && want != sum.v2:
		return bad
	case ok || p.info.V1:
		return good
	}
	return unsure
}

// adopt looks at the orphans again, and adds to have what is proven: with the layers that are known now, and
// as a whole layer, for where a file is complete its pieces are their proof.
func (p *proofs) adopt(have bitset) {
	layers := *p.layers.Load()
	for file := range p.info.Files {
		first, n := p.info.Pieces.OfFile(file)
		f := &p.info.Files[file]
		if !p.info.V2 || f.Pad || n < 2 {
			continue
		}
		layer := layers[f.Root]
		hashes := p.orphans.take(first, n)
		if layer == nil && len(hashes) == n {
			own := make([]metainfo.Hash256, n)
			for piece, h := range hashes {
				own[piece-first] = h
			}
			if p.info.CheckLayer(f.Root, own) == nil {
				layer = own
			}
		}
		for piece, h := range hashes {
			switch {
			case layer == nil:
				p.orphans.add(piece, h)
			case layer[piece-first] == h:
				have.set(piece)
			}
		}
	}
}

// orphans are version 2 hashes of pieces on disk that nothing is known to
// compare with, until the piece layer comes.
type orphans struct {
	mu     sync.Mutex
	hashes map[int]metainfo.Hash256
}

func (o *orphans) add(piece int, hash metainfo.Hash256) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.hashes == nil {
		o.hashes = make(map[int]metainfo.Hash256)
	}
	o.hashes[piece] = hash
}

// take returns and forgets the hashes of n pieces from first on.
func (o *orphans) take(first, n int) map[int]metainfo.Hash256 {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := make(map[int]metainfo.Hash256)
	for p := first; p < first+n; p++ {
		if h, ok := o.hashes[p]; ok {
			out[p] = h
			delete(o.hashes, p)
		}
	}
	return out
}
