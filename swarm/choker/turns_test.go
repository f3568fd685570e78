package choker

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"
)

const turnBlock = 64 << 10 // so that a peer's first block is its only early one

// fill queues blocks, a string a peer and a letter a block: its piece.
func fill(t *Turns, queues ...string) {
	for id, pieces := range queues {
		begin := map[rune]int{}
		for _, p := range pieces {
			t.Add(start, id, Block{Piece: int(p - 'a'), Begin: begin[p], Length: turnBlock})
			begin[p] += turnBlock
		}
	}
}

// drain takes all blocks and writes who got which: "0a 1b".
func drain(t *Turns, spread string) string {
	var out []string
	for {
		id, b, ok := t.Next(start, func(p int) bool { return strings.ContainsRune(spread, rune('a'+p)) }, nil)
		if !ok {
			return strings.Join(out, " ")
		}
		out = append(out, fmt.Sprintf("%d%c", id, 'a'+b.Piece))
	}
}

func TestTurns(t *testing.T) {
	tests := []struct {
		name    string
		longest int
		queues  []string
		spread  string // pieces that leechers have
		want    string
	}{
		{"whole pieces, one after another", 0, []string{"aaa", "bbb"}, "", "0a 1b 0a 0a 1b 1b"},
		{"no turn is longer than the longest", turnBlock, []string{"aaa", "bbb"}, "", "0a 1b 0a 1b 0a 1b"},
		{"what leechers have comes last", 0, []string{"aa", "bb", "cc"}, "a", "0a 1b 2c 1b 2c 0a"},
		{"out of its turn in the queue, too", 0, []string{"aabb", "cc"}, "a", "0a 1c 0b 0b 1c 0a"},
		{"and what another is being sent", 0, []string{"aa", "aabb", "cc"}, "", "0a 1a 2c 0a 1b 1b 2c 1a"},
		{"a piece in two parts of a queue is one turn", 0, []string{"aabba", "cc"}, "", "0a 1c 0a 0a 1c 0b 0b"},
	}
	for _, tt := range tests {
		turns := Turns{Longest: tt.longest}
		fill(&turns, tt.queues...)
		if got := drain(&turns, tt.spread); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestNobodyWaitsForEver: what leechers have waits for what they lack, but not
// until those who ask for it give up.
func TestNobodyWaitsForEver(t *testing.T) {
	turns := Turns{Longest: 2 * turnBlock}
	fill(&turns, strings.Repeat("a", 20), strings.Repeat("b", 100))
	last := 0
	for sec := range 60 {
		id, _, _ := turns.Next(start.Add(time.Duration(sec)*time.Second), func(p int) bool { return p == 0 }, nil)
		if id == 0 {
			last = sec
		}
		if sec-last > int(patience.Seconds())+3 {
			t.Fatalf("nothing since %d s", sec-last)
		}
	}
}

// TestSmallReadsDoNotWait: a peer that asks for a block now and then gets it
// before pieces, one that asks for much waits for its turn like others.
func TestSmallReadsDoNotWait(t *testing.T) {
	var turns Turns
	fill(&turns, strings.Repeat("a", 100), strings.Repeat("b", 100))
	none := func(int) bool { return false }
	for range 60 {
		turns.Next(start, none, nil)
	}
	for i := range 4 {
		turns.Add(start, 2, Block{Piece: 7, Begin: i, Length: 16 << 10})
		if id, b, _ := turns.Next(start, none, nil); id != 2 || b.Piece != 7 {
			t.Fatalf("read %d: peer %d was sent piece %d before it", i, id, b.Piece)
		}
		turns.Next(start, none, nil)
		turns.Next(start, none, nil)
	}
	for i := range 64 {
		turns.Add(start, 3, Block{Piece: 8, Begin: i, Length: 16 << 10})
	}
	first := 0
	for id, _, _ := turns.Next(start, none, nil); id == 3; id, _, _ = turns.Next(start, none, nil) {
		first++
	}
	if first*16<<10 > firstBytes {
		t.Errorf("%d blocks at once, before those that wait", first)
	}
}

// TestTurnsLoseNothing lets peers ask, cancel, be choked and leave at random:
// each block that is left goes out once, and bytes are shared evenly.
func TestTurnsLoseNothing(t *testing.T) {
	rng := rand.New(rand.NewSource(3))
	turns := Turns{Longest: 1 << 20}
	none := func(int) bool { return false }
	asked := map[int]map[Block]bool{}
	for step := range 20000 {
		id := rng.Intn(8)
		if asked[id] == nil {
			asked[id] = map[Block]bool{}
		}
		switch b := (Block{0, rng.Intn(20), rng.Intn(64), 16 << 10}); rng.Intn(8) {
		case 0, 1, 2:
			if !asked[id][b] {
				turns.Add(start, id, b)
				asked[id][b] = true
			}
		case 3:
			if turns.Cancel(id, b) != asked[id][b] {
				t.Fatalf("step %d: cancel of a block asked for: %v", step, asked[id][b])
			}
			delete(asked[id], b)
		case 4:
			if rng.Intn(50) == 0 {
				turns.Leave(id)
				asked[id] = nil
			}
		default:
			if id, b, ok := turns.Next(start, none, nil); ok {
				if !asked[id][b] {
					t.Fatalf("step %d: peer %d is sent %v, which it did not ask for", step, id, b)
				}
				delete(asked[id], b)
			}
		}
		for id, blocks := range asked {
			if turns.Len(id) != len(blocks) {
				t.Fatalf("step %d: %d blocks wait for peer %d, want %d", step, turns.Len(id), id, len(blocks))
			}
		}
	}
}
