package assembly

import (
	"bytes"
	"crypto/sha256"
	"math/rand"
	"slices"
	"testing"
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/picker"
)

var start = time.Unix(1e9, 0)

// block is a Buffer that counts who holds it.
type block struct {
	data []byte
	refs int
	out  *int // blocks that somebody holds
}

func (b *block) Bytes() []byte {
	if b.refs <= 0 {
		panic("read after it was released")
	}
	return b.data
}

func (b *block) Retain() { b.refs++ }

func (b *block) Release() {
	if b.refs--; b.refs == 0 {
		*b.out--
	} else if b.refs < 0 {
		panic("released twice")
	}
}

// source makes blocks of four bytes, which tell where they are from.
type source struct{ out int }

func (s *source) block(piece, n, version int) *block {
	s.out++
	return &block{data: []byte{byte(piece), byte(n), byte(version), 0}, refs: 1, out: &s.out}
}

const perPiece = 4

// leavesOf are those of a piece as it should be: of version 0.
func leavesOf(piece int) (out []metainfo.Hash256) {
	for n := range perPiece {
		out = append(out, sha256.Sum256([]byte{byte(piece), byte(n), 0, 0}))
	}
	return out
}

// fill puts blocks into a piece, one from each of the peers, false ones from those
// that are bad, and takes the piece.
func fill(a *Assembly, s *source, piece int, from []int, bad ...int) *Job {
	for n, peer := range from {
		version := 0
		if slices.Contains(bad, n) {
			version = 1
		}
		a.Add(picker.Block{Piece: piece, N: n}, perPiece, s.block(piece, n, version), peer, start)
	}
	return a.Take(piece)
}

// TestLentBlocksStay: blocks that a reader was lent of a piece that is coming in
// stay his when the piece is dropped.
func TestLentBlocksStay(t *testing.T) {
	a, s := New(), &source{}
	for n := range perPiece {
		a.Add(picker.Block{Piece: 3, N: n}, perPiece, s.block(3, n, 0), 1, start)
	}
	if _, ok := a.Read(3, 1, 3, start); ok {
		t.Error("reads what was not verified")
	}
	if f := a.Judge(3, 1, 3, leavesOf(3)); len(f) > 0 {
		t.Errorf("true blocks are false: %v", f)
	}
	if a.Readable(3, 0, 2) || !a.Readable(3, 1, 3) {
		t.Error("not just what was judged may be read")
	}
	lent, ok := a.Read(3, 1, 3, start)
	a.Drop(3)
	if !ok || !bytes.Equal(slices.Concat(lent.Bytes()...), []byte{3, 1, 0, 0, 3, 2, 0, 0}) {
		t.Errorf("lent %v, %t", lent.Bytes(), ok)
	}
	lent.Release()
	if s.out != 0 {
		t.Errorf("%d blocks are not given back", s.out)
	}
}

func TestSpanCopies(t *testing.T) {
	var s source
	span := Span{First: 2}
	want := make([]byte, 0, 3*hashing.BlockSize)
	for n := range 3 {
		b := s.block(0, n, 0)
		b.data = bytes.Repeat([]byte{byte(n + 1)}, hashing.BlockSize)
		want = append(want, b.data...)
		span.Blocks = append(span.Blocks, b)
	}
	for _, r := range [][2]int{{0, len(want)}, {1, 2 * hashing.BlockSize}, {hashing.BlockSize - 1, 2}, {len(want) - 1, 1}} {
		got := make([]byte, r[1])
		span.CopyTo(got, int64(2*hashing.BlockSize+r[0]))
		if !bytes.Equal(got, want[r[0]:r[0]+r[1]]) {
			t.Errorf("%d bytes from %d are others", r[1], r[0])
		}
	}
}

// TestWhoIsToBlame: the one who sent all of a false piece at once, the one whose
// leaf says so at once, others when the piece has come true.
func TestWhoIsToBlame(t *testing.T) {
	a, s := New(), &source{}
	if f, known := a.Failed(fill(a, s, 1, []int{7, 7, 7, 7}, 2)); !known || f.Peer != 7 || f.Bytes != 16 || a.Suspects(1) != 0 {
		t.Errorf("one sent all of it: %+v, %t", f, known)
	}
	if f, known := a.Failed(fill(a, s, 2, []int{7, 8, 9, 8}, 1, 2)); known || a.Suspects(2) != 3 {
		t.Errorf("three sent it: %+v, %t, %d suspects", f, known, a.Suspects(2))
	}
	a.Failed(fill(a, s, 2, []int{5, 5, 6, 6}, 3)) // the first are kept
	good := fill(a, s, 2, []int{5, 5, 5, 5})
	want := []False{{8, picker.Block{Piece: 2, N: 1}, 4, "sent a block that differs from the verified one"}, {9, picker.Block{Piece: 2, N: 2}, 4, "sent a block that differs from the verified one"}}
	if f := a.Good(good); !slices.Equal(f, want) || a.Suspects(2) != 0 {
		t.Errorf("got %v, want %v", f, want)
	}
	if f := a.Good(fill(a, s, 4, []int{1, 2, 3, 4})); f != nil {
		t.Errorf("a piece that was never false: %v", f)
	}
	j := fill(a, s, 3, []int{1, 2, 3, 4}, 0, 3)
	j.Bad = []int{0, 3}
	if f := a.Reopen(j, start); len(f) != 2 || f[0].Peer != 1 || f[1].Peer != 4 || f[1].Block.N != 3 || !a.Begun(3) || !a.SentBy(3, 2) {
		t.Errorf("two blocks that their leaves prove false: %v", f)
	}
	a.Add(picker.Block{Piece: 3}, perPiece, s.block(3, 0, 1), 8, start)
	if f := a.Judge(3, 0, perPiece, leavesOf(3)); len(f) != 1 || f[0].Peer != 8 || a.Readable(3, 0, 1) || !a.Readable(3, 1, 3) {
		t.Errorf("one block judged by its leaf: %v", f)
	}
}

// TestSqueeze leaves a block of ever more pieces behind: those of use longest ago
// go, but none that is needed.
func TestSqueeze(t *testing.T) {
	const pieces, needed = maxPartial + 10, 3
	a, s := New(), &source{}
	var dropped []int
	for i := range pieces {
		a.Add(picker.Block{Piece: i}, 16, s.block(i, 0, 0), 1, start.Add(time.Duration(i)))
		dropped = append(dropped, a.Squeeze(func(piece int) bool { return piece == needed })...)
	}
	if !slices.Equal(dropped, []int{0, 1, 2, 4, 5, 6, 7, 8, 9, 10}) || s.out != maxPartial || !a.Begun(needed) {
		t.Errorf("%v went, %d blocks are kept", dropped, s.out)
	}
	a.Clear()
	if s.out != 0 {
		t.Errorf("%d blocks are not given back", s.out)
	}
}

// TestRefusedAreBounded: of pieces that the storage does not take the newest can
// be read, and one that comes again takes no second place.
func TestRefusedAreBounded(t *testing.T) {
	a, s := New(), &source{}
	for _, piece := range []int{0, 1, 2, 3, 1, 4, 5, 6, 7, 8} {
		j := fill(a, s, piece, []int{1, 1, 1, 1})
		a.Good(j)
		a.Refused(j)
	}
	for piece := range 9 {
		if a.Whole(piece) != (piece != 0) {
			t.Errorf("piece %d is whole: %t", piece, a.Whole(piece))
		}
	}
	if s.out != maxRefused*perPiece {
		t.Errorf("%d blocks are kept, want %d", s.out, maxRefused*perPiece)
	}
}

// TestEveryBufferComesBack does random things with pieces, as they may happen,
// two writers of one piece among them: what can be read is true, and nothing is
// lost or released twice.
func TestEveryBufferComesBack(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	a, s := New(), &source{}
	var hashed, written []*Job
	have := map[picker.Block]bool{} // in partial
	forget := func(piece int) {
		for n := range perPiece {
			delete(have, picker.Block{Piece: piece, N: n})
		}
	}
	pop := func(list *[]*Job) *Job {
		if len(*list) == 0 {
			return nil
		}
		i := rng.Intn(len(*list))
		j := (*list)[i]
		*list = slices.Delete(*list, i, i+1)
		return j
	}
	for range 50_000 {
		b := picker.Block{Piece: rng.Intn(12), N: rng.Intn(perPiece)}
		switch rng.Intn(8) {
		case 0, 1, 2:
			a.Add(b, perPiece, s.block(b.Piece, b.N, rng.Intn(8)/7), rng.Intn(3), start)
			have[b] = true
			whole := true
			for n := range perPiece {
				whole = whole && have[picker.Block{Piece: b.Piece, N: n}]
			}
			if whole {
				hashed = append(hashed, a.Take(b.Piece))
				forget(b.Piece)
			}
		case 3:
			for _, f := range a.Judge(b.Piece, b.N, perPiece, leavesOf(b.Piece)) {
				delete(have, f.Block)
			}
		case 4:
			if j := pop(&hashed); j != nil {
				for n, data := range j.Data.Bytes() {
					if data[2] != 0 {
						j.Bad = append(j.Bad, n)
					}
				}
				switch {
				case j.Bad == nil:
					a.Good(j)
					written = append(written, j)
				case a.Begun(j.Piece) || rng.Intn(2) == 0:
					a.Failed(j)
				default:
					f := a.Reopen(j, start)
					for n := range perPiece {
						have[picker.Block{Piece: j.Piece, N: n}] = true
					}
					for _, f := range f {
						delete(have, f.Block)
					}
				}
			}
		case 5:
			if j := pop(&written); j != nil {
				if rng.Intn(3) == 0 {
					a.Refused(j)
				} else {
					a.Stored(j)
				}
			}
		case 6:
			if span, ok := a.Read(b.Piece, b.N, perPiece, start); ok {
				for i, data := range span.Bytes() {
					if !bytes.Equal(data, []byte{byte(b.Piece), byte(b.N + i), 0, 0}) {
						t.Fatalf("block %d of piece %d reads %v", b.N+i, b.Piece, data)
					}
				}
				span.Release()
			}
		case 7:
			if rng.Intn(10) == 0 {
				a.Drop(b.Piece)
				forget(b.Piece)
			}
		}
	}
	for _, j := range hashed {
		j.Data.Release()
	}
	for _, j := range written {
		a.Stored(j)
	}
	a.Clear()
	if s.out != 0 {
		t.Errorf("%d blocks are not given back", s.out)
	}
}
