package metadata

import (
	"bytes"
	"errors"
	"math/rand"
	"testing"
	"time"

	"p2pfs/swarm/wire"
)

var start = time.Unix(1e9, 0)

// info is some metadata.
func info(n int) []byte {
	raw := make([]byte, n)
	rand.New(rand.NewSource(1)).Read(raw)
	return raw
}

func exchange(raw []byte) *Exchange {
	return New(func(got []byte) bool { return bytes.Equal(got, raw) })
}

// piece is what an honest peer answers.
func piece(raw []byte, i int) wire.Metadata { return exchange(raw).Serve(1, i, raw) }

// asked returns the peers that are asked now.
func asked(e *Exchange, now time.Time) map[int]int {
	out := map[int]int{}
	for _, q := range e.Ask(now) {
		out[q.Peer] = q.Pieces
	}
	return out
}

func TestFetch(t *testing.T) {
	raw := info(2*wire.MetadataPiece + 5)
	e := exchange(raw)
	for id := range 10 {
		e.Offer(id, len(raw))
	}
	e.Offer(20, 0)
	first := asked(e, start)
	if len(first) != maxFetches {
		t.Fatalf("%d peers are asked", len(first))
	}
	for id, n := range first {
		if n != 3 || !e.Fetching(id) {
			t.Errorf("%d is asked for %d pieces", id, n)
		}
		for _, i := range []int{2, 0, 0, 7, 1} {
			m := piece(raw, i)
			m.Piece = i
			got, err := e.Data(id, m, start)
			if err != nil || (got != nil) != (i == 1) || got != nil && !bytes.Equal(got, raw) {
				t.Fatalf("piece %d: %d bytes, %v", i, len(got), err)
			}
		}
		break
	}
	if more := asked(e, start.Add(time.Hour)); len(more) > 0 || e.Fetching(0) {
		t.Error("asked when it is known")
	}
}

// TestAnotherIsAsked goes through what a peer can do instead of giving it.
func TestAnotherIsAsked(t *testing.T) {
	raw := info(wire.MetadataPiece + 5)
	for name, fails := range map[string]func(e *Exchange, id int, now *time.Time) error{
		"rejects":   func(e *Exchange, id int, _ *time.Time) error { e.Reject(id); return nil },
		"leaves":    func(e *Exchange, id int, _ *time.Time) error { e.Leave(id); return nil },
		"is silent": func(_ *Exchange, _ int, now *time.Time) error { *now = now.Add(timeout + 1); return nil },
		"lies of the length": func(e *Exchange, id int, now *time.Time) error {
			m := piece(raw, 0)
			m.Data = m.Data[1:]
			_, err := e.Data(id, m, *now)
			return err
		},
		"lies": func(e *Exchange, id int, now *time.Time) error {
			m := piece(raw, 0)
			m.Data = bytes.Clone(m.Data)
			m.Data[9]++
			e.Data(id, m, *now)
			_, err := e.Data(id, piece(raw, 1), *now)
			return err
		},
	} {
		e, now := exchange(raw), start
		e.Offer(1, len(raw))
		if len(asked(e, now)) != 1 {
			t.Fatal("it is not asked")
		}
		err := fails(e, 1, &now)
		if lied := name[:2] == "li"; errors.Is(err, ErrFalse) != lied {
			t.Errorf("%s: %v", name, err)
		}
		e.Offer(2, len(raw))
		if got := asked(e, now); len(got) != 1 || got[2] == 0 {
			t.Errorf("%s: then %v are asked", name, got)
		}
		e.Leave(1)
		if e.Offer(1, len(raw)); len(asked(e, now)) != 1 {
			t.Errorf("%s: when it comes again it is not asked", name)
		}
	}
}

func TestServe(t *testing.T) {
	raw := info(wire.MetadataPiece + 5)
	e := exchange(raw)
	if m := e.Serve(1, 0, nil); m.Type != wire.MetadataReject {
		t.Error("served before it is known")
	}
	for i, want := range []int{wire.MetadataPiece, 5} {
		if m := e.Serve(1, i, raw); m.Type != wire.MetadataData || len(m.Data) != want || m.TotalSize != len(raw) || m.Piece != i {
			t.Errorf("piece %d: %d bytes of %d", i, len(m.Data), m.TotalSize)
		}
	}
	if m := e.Serve(1, 2, raw); m.Type != wire.MetadataReject || m.Piece != 2 {
		t.Error("a piece behind the end is served")
	}
	for range maxServed {
		e.Serve(1, 0, raw)
	}
	if m := e.Serve(1, 0, raw); m.Type != wire.MetadataReject {
		t.Error("there is no end of serving")
	}
	if m := e.Serve(2, 0, raw); m.Type != wire.MetadataData {
		t.Error("another is not served")
	}
}
