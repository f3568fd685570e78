package catalog

import (
	"crypto/sha256"
	"encoding/binary"
)

// cut is one run of a list that goes into one object: [from, to).
type cut struct{ from, to int }

// split cuts a list into runs whose bytes fit an object. sizes are the bytes
// of its elements, marks a number drawn from each one's name.
//
// A list that is too long is cut once, where the smallest mark stands in the
// middle half of its bytes, then both parts likewise. So the cuts depend on
// the names and hardly on where others are: an element more or less moves no
// cut but, rarely, one beside it, and all other runs stay as they were.
func split(sizes []int, marks []uint64) []cut {
	ends := make([]int, len(sizes)+1) // ends[i]: bytes of the first i elements
	for i, n := range sizes {
		ends[i+1] = ends[i] + n
	}
	var cuts []cut
	pending := []cut{{0, len(sizes)}}
	for len(pending) > 0 {
		c := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		if c.to-c.from < 2 || ends[c.to]-ends[c.from] <= MaxObject-objectOverhead {
			cuts = append(cuts, c)
			continue
		}
		at := cutAt(ends, marks, c)
		pending = append(pending, cut{at, c.to}, cut{c.from, at})
	}
	return cuts
}

// cutAt returns the element in front of which c is cut.
func cutAt(ends []int, marks []uint64, c cut) int {
	total := ends[c.to] - ends[c.from]
	low, high := ends[c.from]+total/4, ends[c.to]-total/4
	best, middle := -1, c.from+1
	for i := c.from + 1; i < c.to; i++ {
		if 2*(ends[i]-ends[c.from]) <= total {
			middle = i
		}
		if ends[i] < low || ends[i] > high {
			continue
		}
		if best < 0 || marks[i] < marks[best] {
			best = i
		}
	}
	if best < 0 { // elements of a quarter object each
		return middle
	}
	return best
}

// mark draws a number from a name. Part of the format only in so far as equal
// directories have equal objects where all use the same.
func mark(name string) uint64 {
	h := sha256.Sum256([]byte(name))
	return binary.BigEndian.Uint64(h[:])
}
