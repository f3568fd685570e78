package reads

import (
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"p2pfs/swarm/picker"
)

var start = time.Unix(1e9, 0)

// pieces is a torrent of pieces of 16 blocks.
type pieces struct {
	here, begun map[int]bool
	byBlock     bool
}

func (p pieces) Here(piece int) bool    { return p.here[piece] }
func (p pieces) Begun(piece int) bool   { return p.begun[piece] }
func (p pieces) ByBlock(piece int) bool { return p.byBlock }
func (p pieces) Blocks(piece int) int   { return 16 }

// TestUrgent: what is waited for comes first, in the order it came; then what
// lies ahead, nearest first, but nothing that is here.
func TestUrgent(t *testing.T) {
	s := &Stream{}
	for _, tt := range []struct {
		name    string
		byBlock bool
		want    []picker.Urgent
	}{
		{"whole pieces", false, []picker.Urgent{
			{Piece: 9, End: 16, Deadline: start}, {Piece: 4, End: 16, Deadline: start.Add(2)},
			{Piece: 3, End: 16, Deadline: start.Add(time.Second)}, {Piece: 6, End: 16, Deadline: start.Add(4 * time.Second)}}},
		{"blocks", true, []picker.Urgent{
			{Piece: 9, First: 1, End: 2, Deadline: start}, {Piece: 9, First: 7, End: 9, Deadline: start.Add(1)},
			{Piece: 4, First: 3, End: 4, Deadline: start.Add(2)}, {Piece: 3, First: 5, End: 16, Deadline: start.Add(time.Second)},
			{Piece: 4, End: 16, Deadline: start.Add(2 * time.Second)}, {Piece: 6, End: 2, Deadline: start.Add(4 * time.Second)}}},
	} {
		r := New()
		r.Wants.Add(&Want{Piece: 9, First: 1, End: 2}, start)
		r.Wants.Add(&Want{Piece: 9, First: 7, End: 9}, start.Add(1))
		r.Wants.Add(&Want{Piece: 4, First: 3, End: 4}, start.Add(2))
		r.Rest(12, start) // nobody waits for it
		r.Ahead(s, Window{First: 3, End: 7, From: 5, To: 2}, start)
		of := pieces{here: map[int]bool{5: true}, begun: map[int]bool{12: true}, byBlock: tt.byBlock}
		if got := r.Urgent(of, start, time.Hour); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s:\ngot  %v\nwant %v", tt.name, got, tt.want)
		}
		r.Drop(s)
		r.Wants.TakeAll()
		if got := r.Urgent(of, start, time.Hour); len(got) != 1 || got[0].Piece != 12 || got[0].End != 16 {
			t.Errorf("%s: got %v when nobody waits, want the rest of piece 12", tt.name, got)
		}
	}
}

// TestRestWaits: what nobody asked for is fetched only while nobody waits, of
// this torrent or another, as long as what came of it is there and it is missing.
func TestRestWaits(t *testing.T) {
	for _, tt := range []struct {
		quiet, age time.Duration
		of         pieces
		want       int
		active     bool
	}{
		{0, 0, pieces{begun: map[int]bool{2: true}}, 0, true},
		{quietFor - 1, 0, pieces{begun: map[int]bool{2: true}}, 0, true},
		{quietFor, 0, pieces{begun: map[int]bool{2: true}}, 1, true},
		{quietFor, 0, pieces{}, 0, false},
		{quietFor, 0, pieces{begun: map[int]bool{2: true}, here: map[int]bool{2: true}}, 0, false},
		{quietFor, aheadExpiry + 1, pieces{begun: map[int]bool{2: true}}, 0, false},
	} {
		r := New()
		r.Rest(2, start)
		if got := r.Urgent(tt.of, start.Add(tt.age), tt.quiet); len(got) != tt.want || r.Active() != tt.active {
			t.Errorf("%+v: got %v, active %t", tt, got, r.Active())
		}
	}
}

func TestWindowsExpire(t *testing.T) {
	r, a, b := New(), &Stream{}, &Stream{}
	r.Ahead(a, Window{First: 1, End: 3}, start)
	r.Ahead(b, Window{First: 7, End: 8}, start.Add(1))
	r.Expire(start.Add(aheadExpiry))
	if !r.Reading(1) || !r.Reading(2) || r.Reading(3) || !r.Reading(7) {
		t.Error("a window is other than it was set")
	}
	r.Expire(start.Add(aheadExpiry + 1))
	if r.Reading(1) || !r.Reading(7) {
		t.Error("not just the window that nobody was heard of is gone")
	}
	r.Drop(a, b)
	if r.Active() {
		t.Error("dropped, and there still")
	}
}

// TestWantsAreAnsweredOnce compares random operations with a list.
func TestWantsAreAnsweredOnce(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	ws, now := newWants(), start
	waiting, progress := map[*Want]bool{}, map[int]time.Time{}
	taken := func(out []*Want, what string) {
		for _, w := range out {
			if !waiting[w] {
				t.Fatalf("%s hands out a want that does not wait", what)
			}
			delete(waiting, w)
		}
	}
	of := func(piece int) (n int) {
		for w := range waiting {
			if w.Piece == piece {
				n++
			}
		}
		return n
	}
	for range 20_000 {
		now = now.Add(time.Duration(rng.Intn(1000)) * time.Millisecond)
		piece := rng.Intn(6)
		switch rng.Intn(8) {
		case 0, 1, 2:
			w := &Want{Piece: piece, First: rng.Intn(8)}
			w.End = w.First + 1 + rng.Intn(8)
			if of(piece) == 0 {
				progress[piece] = now
			}
			ws.Add(w, now)
			waiting[w] = true
		case 3:
			for w := range waiting {
				ws.Withdraw(w)
				ws.Withdraw(w) // again, as if it had been answered
				delete(waiting, w)
				break
			}
		case 4:
			taken(ws.Take(piece), "Take")
			if of(piece) > 0 {
				t.Fatal("Take leaves some")
			}
		case 5:
			upTo := rng.Intn(17)
			readable := func(first, end int) bool { return end <= upTo }
			taken(ws.TakeIf(piece, readable), "TakeIf")
			for w := range waiting {
				if w.Piece == piece && w.End <= upTo {
					t.Fatal("TakeIf leaves one that may be read")
				}
			}
		case 6:
			ws.Progress(piece, now)
			progress[piece] = now
		case 7:
			if rng.Intn(20) == 0 {
				taken(ws.TakeAll(), "TakeAll")
			}
		}
		sameWants(t, &ws, waiting, progress, now)
	}
}

// sameWants fails unless ws tells what a list of those who wait does.
func sameWants(t *testing.T, ws *Wants, waiting map[*Want]bool, progress map[int]time.Time, now time.Time) {
	t.Helper()
	const patience = 3 * time.Second
	oldest, by := time.Duration(0), map[int]int{}
	for w := range waiting {
		oldest = max(oldest, now.Sub(w.Since))
		by[w.Piece]++
		if !slices.Contains(ws.Of(w.Piece), w) {
			t.Fatal("a want is lost")
		}
	}
	var stalled []int
	for piece := range by {
		if now.Sub(progress[piece]) > patience {
			stalled = append(stalled, piece)
		}
	}
	got := ws.Stalled(now, patience)
	slices.Sort(got)
	slices.Sort(stalled)
	if ws.Count() != len(waiting) || ws.Oldest(now) != oldest || !slices.Equal(got, stalled) {
		t.Fatalf("%d wants, the oldest of %v, stalled %v; want %d, %v, %v", ws.Count(), ws.Oldest(now), got, len(waiting), oldest, stalled)
	}
	if got := slices.Sorted(ws.Pieces()); !slices.Equal(got, slices.Sorted(maps.Keys(by))) {
		t.Fatalf("pieces %v, want those of %v", got, by)
	}
	n, piece, since := ws.Among(2, 4)
	if n != by[2]+by[3] || n > 0 && (piece < 2 || piece > 3 || !since.Equal(progress[piece])) {
		t.Fatalf("%d wait for pieces 2 and 3, for piece %d since %v", n, piece, since)
	}
}

func TestWhy(t *testing.T) {
	a, b := netip.MustParseAddrPort("127.0.0.1:1"), netip.MustParseAddrPort("127.0.0.2:2")
	refused := func(c *Causes) { c.Unreached(a, fmt.Errorf("dial: %w", syscall.ECONNREFUSED)) }
	lied := func(c *Causes) {
		c.Lied(a, start, time.Hour)
		c.Lied(b, start.Add(time.Minute), time.Hour)
	}
	forgot := func(c *Causes) {
		lied(c)
		c.Lied(b, start.Add(time.Hour+2), time.Hour)
	}
	for _, tt := range []struct {
		after func(*Causes)
		scene Scene
		want  string
	}{
		{nil, Scene{}, "no peer connected (0 known)"},
		{func(c *Causes) { c.Unreached(a, errors.New("odd")) }, Scene{Known: 3}, "no peer connected (3 known; 127.0.0.1:1: odd)"},
		{refused, Scene{Known: 1}, "no peer connected (1 known; 127.0.0.1:1: connection refused)"},
		{lied, Scene{}, "hash mismatch from 2 of 2 peers"},
		{forgot, Scene{}, "hash mismatch from 1 of 1 peer"},
		{refused, Scene{Connected: 2}, "no peer has it (2 connected)"},
		{lied, Scene{Connected: 2}, "no peer has it (2 connected); hash mismatch from 2 peers before"},
		{nil, Scene{Connected: 3, Have: 2, Choking: 2}, "2 peers with it, all choking"},
		{nil, Scene{Connected: 3, Have: 2, Choking: 1}, "2 peers with it, nothing sent yet"},
		{nil, Scene{Connected: 3, Have: 2, Choking: 1, False: 1}, "hash mismatch in what 1 peer sent; asking again"},
	} {
		var c Causes
		if tt.after != nil {
			tt.after(&c)
		}
		if got := c.Why(tt.scene); got != tt.want {
			t.Errorf("%+v: got %q, want %q", tt.scene, got, tt.want)
		}
	}
}

// TestNewsIsBounded: a cause is news once, and of very many none is.
func TestNewsIsBounded(t *testing.T) {
	var c Causes
	n := 0
	for i := range 2 * maxSaid {
		cause := strings.Repeat("x", i)
		if c.News(cause) {
			n++
		}
		if c.News(cause) {
			t.Fatal("is news twice")
		}
	}
	if n != maxSaid {
		t.Errorf("%d times news, want %d", n, maxSaid)
	}
}
