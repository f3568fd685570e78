//go:build linux

package files

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"p2pfs/swarm"
)

const (
	// maxUnproven is the largest file of which the v1 swarm is asked before its
	// piece layer is known: until all of it is here nothing tells whether it is
	// the file at all.
	maxUnproven = 8 << 20
	// maxAllUnproven bounds what is held of all such files.
	maxAllUnproven = 4 * maxUnproven
)

// errUnproven is a file that is larger, or one too many.
var errUnproven = errors.New("nothing proves that the v1 torrent is of this file, and it is too large to fetch and see")

// unproven holds, in memory, the pieces of v1 torrents that may be of any file:
// who makes up a catalogue entry must not push out of the cache what somebody
// needs. They go into it once the file's pieces root says that they belong there.
// Safe for concurrent use.
type unproven struct {
	mu   sync.Mutex // guards what follows
	held int64      // bytes, of all twins
	of   map[*twin]map[int][]byte
}

// put holds a piece, given as its blocks. errUnproven if there is no room.
func (u *unproven) put(t *twin, piece int, blocks [][]byte) error {
	data := bytes.Join(blocks, nil)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.of[t][piece] != nil {
		return nil
	}
	if t.Of.Size > maxUnproven || u.held+int64(len(data)) > maxAllUnproven {
		return errUnproven
	}
	if u.of == nil {
		u.of = map[*twin]map[int][]byte{}
	}
	if u.of[t] == nil {
		u.of[t] = map[int][]byte{}
	}
	u.of[t][piece] = data
	u.held += int64(len(data))
	return nil
}

// get returns a piece, nil if it is not held. It must not be changed.
func (u *unproven) get(t *twin, piece int) []byte {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.of[t][piece]
}

// readAt reads of a piece that is held; swarm.ErrMissing if it is not.
func (u *unproven) readAt(t *twin, p []byte, piece int, begin int64) (int, error) {
	data := u.get(t, piece)
	if data == nil {
		return 0, swarm.ErrMissing
	}
	if begin > int64(len(data)) {
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(p, data[begin:])
	if n < len(p) {
		return n, io.ErrUnexpectedEOF
	}
	return n, nil
}

// take lets go of all pieces of a twin, and returns them.
func (u *unproven) take(t *twin) map[int][]byte {
	u.mu.Lock()
	defer u.mu.Unlock()
	pieces := u.of[t]
	delete(u.of, t)
	for _, data := range pieces {
		u.held -= int64(len(data))
	}
	return pieces
}
