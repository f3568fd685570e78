package swarm

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"testing"

	"p2pfs/swarm/assembly"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/peer"
	"p2pfs/swarm/swarmtest"
)

// filled puts every piece of a torrent into a queue, in order and as a
// download would; every third has a wrong byte.
func filled(tor *swarmtest.Torrent) *hashQueue {
	q, pool := &hashQueue{}, &peer.Pool{}
	for i := range tor.Info.Pieces.Count() {
		e := &assembly.Job{Piece: i, Data: blocksOf(pool, tor.Piece(i))}
		if want, ok := tor.Info.PieceHash2(tor.Layers(), i); ok {
			e.Want2 = &want
			for _, b := range e.Data.Bytes() {
				e.Leaves = append(e.Leaves, sha256.Sum256(b))
			}
		}
		if i%3 == 2 {
			e.Data.Blocks[0].Bytes()[0]++
		}
		q.add(queued{Job: e}, tor.Info)
	}
	return q
}

// TestHashQueue looks at which pieces are hashed together, and that the
// verdict on one is not that on the other.
func TestHashQueue(t *testing.T) {
	files := []swarmtest.File{}
	for i, n := range []int{1, 16 << 10, 64 << 10, 64<<10 + 1, 300_000, 300_000} {
		files = append(files, swarmtest.File{Path: fmt.Sprint("f", i), Data: swarmtest.Bytes(uint64(i), n)})
	}
	for _, kind := range swarmtest.Kinds {
		tor := swarmtest.Make(t, swarmtest.Spec{Kind: kind, Name: "x", PieceLength: 64 << 10, Files: files})
		q, next, pairs := filled(tor), 0, 0
		for pieces := q.take(tor.Info); len(pieces) > 0; pieces = q.take(tor.Info) {
			q.done(tor.Info)
			if len(pieces) > 1 {
				pairs++
				if a, b := tor.Info.Pieces.Size(pieces[0].Piece), tor.Info.Pieces.Size(pieces[1].Piece); a != b {
					t.Errorf("%s: pieces of %d and %d bytes together", kind, a, b)
				}
			}
			assembly.Verify(pieces, tor.Info)
			for _, e := range pieces {
				if e.Piece != next {
					t.Errorf("%s: piece %d after %d", kind, e.Piece, next-1)
				}
				next++
				good := e.Piece%3 != 2
				if ok1, ok2 := good || !tor.Info.V1, good || !tor.Info.V2; e.OK1 != ok1 || e.OK2 != ok2 {
					t.Errorf("%s: piece %d of %d: SHA-1 %v, root %v", kind, e.Piece, len(pieces), e.OK1, e.OK2)
				}
				if bad := fmt.Sprint(e.Bad); tor.Info.V2 && bad != map[bool]string{true: "[]", false: "[0]"}[good] {
					t.Errorf("%s: piece %d: bad blocks %s", kind, e.Piece, bad)
				}
			}
		}
		if next != tor.Info.Pieces.Count() || (pairs > 0) != (kind == swarmtest.V1) {
			t.Errorf("%s: %d pieces of %d, %d pairs", kind, next, tor.Info.Pieces.Count(), pairs)
		}
	}
}

// TestHashQueueWaits looks at when a worker is started.
func TestHashQueueWaits(t *testing.T) {
	const start = true
	for _, kind := range swarmtest.Kinds {
		tor := swarmtest.Make(t, swarmtest.Spec{Kind: kind, Name: "x", PieceLength: 16 << 10, Files: []swarmtest.File{{Path: "f", Data: swarmtest.Bytes(1, 9*16<<10)}}})
		pairs := kind == swarmtest.V1
		q, next := &hashQueue{}, 0
		add := func(patient bool) bool {
			next++
			return q.add(queued{&assembly.Job{Piece: next - 1}, patient}, tor.Info)
		}
		hurry := func() bool { return q.hurry(next-1, tor.Info) }
		take := func() int { return len(q.take(tor.Info)) }
		done := func() bool { return q.done(tor.Info) }
		is := func(what string, got, want any) {
			t.Helper()
			if got != want {
				t.Errorf("%s: %s: %v, want %v", kind, what, got, want)
			}
		}
		is("the first of all", add(false), start)
		if !pairs { // each is hashed by a worker of its own, at once
			is("taken", take(), 1)
			is("a patient one", add(true), start)
			is("another", add(false), start)
			is("in a hurry", hurry(), !start)
			is("taken", take(), 1)
			is("taken", take(), 1)
			is("done", done(), !start)
			continue
		}
		is("taken", take(), 1)
		is("while one is hashed", add(false), !start)
		is("two wait", add(false), start)
		is("a third, before those are taken", add(false), !start)
		is("taken", take(), 2)
		is("one is done, another not", done(), !start)
		is("both are done", done(), start)
		is("taken", take(), 1)
		is("nothing waits", done(), !start)

		is("a patient one", add(true), !start)
		is("in a hurry", hurry(), start)
		is("again", hurry(), !start)
		is("taken", take(), 1)
		is("a patient one, while that is hashed", add(true), !start)
		is("that is done", done(), !start)
		is("two wait", add(true), start)
		is("in a hurry, but taken", hurry(), !start)
		is("taken", take(), 2)
		is("nothing waits", done(), !start)
	}
}

// TestHashQueueDrop takes from a queue that was emptied after a worker was
// started.
func TestHashQueueDrop(t *testing.T) {
	tor := swarmtest.MakeFile(t, swarmtest.V1, "x", 100_000, 16<<10)
	q := filled(tor)
	q.drop()
	if got := q.take(tor.Info); len(got) != 0 {
		t.Errorf("%d pieces left", len(got))
	}
	assembly.Verify(nil, tor.Info)
	if q.done(tor.Info) {
		t.Error("a worker for nothing")
	}
}

// TestHashQueueWaitsNotForever fetches from a seeder that sends three pieces,
// the beginning of a fourth, and no more: none of the three waits for it.
func TestHashQueueWaitsNotForever(t *testing.T) {
	tor := swarmtest.MakeFile(t, swarmtest.V1, "x", 1<<20, 64<<10)
	for range 10 {
		c := client(t, swarmtest.Host().String())
		got := add(t, c, Spec{
			MetaInfo: &metainfo.MetaInfo{Info: tor.Info}, Storage: (&memory{}).open, Everything: true,
			Peers: []netip.AddrPort{swarmtest.Serve(t, swarmtest.Stall(tor, 13)).Addr},
		})
		eventually(t, "three pieces stored", func() bool { return got.Stats().Have == 3 })
		c.Close()
	}
}
