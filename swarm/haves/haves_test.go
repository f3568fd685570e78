package haves

import (
	"errors"
	"math/rand"
	"testing"

	"github.com/bits-and-blooms/bitset"

	"p2pfs/swarm/picker"
	"p2pfs/swarm/wire"
)

const pieces = 20

func newPicker() *picker.Picker {
	return picker.New(pieces, func(int) int { return 1 }, rand.New(rand.NewSource(1)))
}

func newPeer(id int) *Peer {
	return &Peer{Fast: true, Pieces: &picker.Peer{ID: id, Fast: map[int]bool{}}}
}

func bits(on ...int) []byte {
	b := bitset.New(pieces)
	for _, i := range on {
		b.Set(uint(i))
	}
	return wire.AppendBitfield(nil, b, pieces)[5:]
}

// TestEarly: what a peer says before the number of pieces is known counts after.
func TestEarly(t *testing.T) {
	for _, tt := range []struct {
		name string
		say  func(h *Haves, p *Peer)
		want int
		bad  bool
	}{
		{"nothing", func(*Haves, *Peer) {}, 0, false},
		{"haves", func(h *Haves, p *Peer) { h.Have(p, 3); h.Have(p, 3); h.Have(p, 4) }, 2, false},
		{"a bitfield and a have", func(h *Haves, p *Peer) { h.Bitfield(p, bits(1, 2)); h.Have(p, 3) }, 3, false},
		{"all", func(h *Haves, p *Peer) { h.All(p, true); h.Have(p, 3) }, pieces, false},
		{"what is no piece", func(h *Haves, p *Peer) { h.Have(p, pieces) }, 0, true},
		{"another torrent's bitfield", func(h *Haves, p *Peer) { h.Bitfield(p, make([]byte, 9)) }, 0, true},
	} {
		var h Haves
		p := newPeer(1)
		tt.say(&h, p)
		h.Open(newPicker())
		if err := h.Join(p); (err != nil) != tt.bad || p.lacking != tt.want {
			t.Errorf("%s: %v, lacks %d, want %d", tt.name, err, p.lacking, tt.want)
		}
	}
}

// TestRules goes through what ends a connection.
func TestRules(t *testing.T) {
	for _, tt := range []struct {
		name string
		say  func(h *Haves, p *Peer) error
		fast error // with BEP 6
		slow error // without
	}{
		{"have", func(h *Haves, p *Peer) error { return h.Have(p, 3) }, nil, nil},
		{"have out of range", func(h *Haves, p *Peer) error { return h.Have(p, pieces) }, ErrPiece, ErrPiece},
		{"donthave", func(h *Haves, p *Peer) error { return h.Lost(p, 3) }, nil, nil},
		{"donthave out of range", func(h *Haves, p *Peer) error { return h.Lost(p, pieces) }, ErrPiece, ErrPiece},
		{"have all", func(h *Haves, p *Peer) error { return h.All(p, true) }, nil, ErrFast},
		{"have none", func(h *Haves, p *Peer) error { return h.All(p, false) }, nil, ErrFast},
		{"suggest", func(h *Haves, p *Peer) error { return h.Suggest(p, 3) }, nil, ErrFast},
		{"suggest out of range", func(h *Haves, p *Peer) error { return h.Suggest(p, pieces) }, ErrPiece, ErrFast},
		{"allowed fast", func(h *Haves, p *Peer) error { return h.AllowedFast(p, 3) }, nil, ErrFast},
		{"allowed fast out of range", func(h *Haves, p *Peer) error { return h.AllowedFast(p, pieces) }, ErrPiece, ErrFast},
	} {
		for fast, want := range map[bool]error{true: tt.fast, false: tt.slow} {
			var h Haves
			h.Open(newPicker())
			p := newPeer(1)
			p.Fast = fast
			h.Join(p)
			if err := tt.say(&h, p); !errors.Is(err, want) || (err == nil) != (want == nil) {
				t.Errorf("%s, fast %v: %v, want %v", tt.name, fast, err, want)
			}
		}
	}
	var h Haves
	h.Open(newPicker())
	p := newPeer(1)
	h.Join(p)
	for i := range 2 * pieces {
		h.AllowedFast(p, i%pieces)
	}
	if len(p.Pieces.Fast) > maxFast {
		t.Error("there is no end of allowed pieces")
	}
}

// TestWhatWeLack does at random what can happen and counts anew: what a peer has
// and we have not decides whether we are interested.
func TestWhatWeLack(t *testing.T) {
	for seed := range int64(50) {
		rng := rand.New(rand.NewSource(seed))
		k := newPicker()
		var h Haves
		h.Open(k)
		peers := []*Peer{newPeer(0), newPeer(1), newPeer(2)}
		has := map[*Peer]map[int]bool{}
		for _, p := range peers {
			h.Join(p)
			has[p] = map[int]bool{}
		}
		told := map[*Peer]bool{}
		for range 300 {
			p, piece := peers[rng.Intn(len(peers))], rng.Intn(pieces)
			if h.News(p, piece) == has[p][piece] {
				t.Fatalf("seed %d: news of piece %d", seed, piece)
			}
			switch rng.Intn(12) {
			case 0, 1, 2:
				h.Have(p, piece)
				has[p][piece] = true
			case 3, 4, 5:
				h.Lost(p, piece)
				delete(has[p], piece)
			case 6:
				h.Bitfield(p, bits(piece, (piece+1)%pieces))
				has[p][piece], has[p][(piece+1)%pieces] = true, true
			case 7:
				if rng.Intn(5) == 0 {
					h.All(p, true)
					for i := range pieces {
						has[p][i] = true
					}
				}
			default:
				if on := !k.Pieces.Have(piece); true {
					k.Pieces.SetHave(piece, on)
					for _, p := range peers {
						p.Ours(piece, on)
					}
				}
			}
			hungry := rng.Intn(4) > 0
			for _, p := range peers {
				lacking := 0
				for i := range has[p] {
					if !k.Pieces.Have(i) {
						lacking++
					}
				}
				if p.lacking != lacking {
					t.Fatalf("seed %d: lacks %d, want %d", seed, p.lacking, lacking)
				}
				want := lacking > 0 && hungry
				if p.Interest(hungry) != (want != told[p]) || p.Interested() != want {
					t.Fatalf("seed %d: interested: %v, want %v", seed, p.Interested(), want)
				}
				told[p] = want
			}
		}
	}
}
