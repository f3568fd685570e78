package swarm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/reads"
)

// maxReadTries bounds how often one read fetches a piece anew that the
// storage loses again before it was read.
const maxReadTries = 4

// A Reader reads one file of a torrent: what an open file handle holds. It is
// safe for concurrent use. While reads follow one another it has the bytes
// ahead of them fetched.
type Reader struct {
	t    *Torrent
	file int

	// mu guards streams. The loop is not asked because most reads are
	// answered by the storage and must not wait for it.
	mu      sync.Mutex
	streams reads.Streams
}

type sparingKey struct{}

// Sparing returns a context under which Reader.ReadAt fetches just the blocks
// that it is asked for (of v1 torrents the pieces, which verify only whole),
// and nothing ahead of them or around.
func Sparing(ctx context.Context) context.Context {
	return context.WithValue(ctx, sparingKey{}, true)
}

func sparing(ctx context.Context) bool { return ctx.Value(sparingKey{}) != nil }

// NewReader opens a file of the torrent, numbered as in its metadata. Close
// it when done.
func (t *Torrent) NewReader(file int) *Reader { return &Reader{t: t, file: file} }

// Close lets go of what was being fetched ahead.
func (r *Reader) Close() error {
	r.mu.Lock()
	streams := r.streams.All()
	r.mu.Unlock()
	r.t.post(closeEvent(streams))
	return nil
}

// ReadAt fills p from the file and blocks until the bytes are there, verified.
// It answers in full or with an error; at the end of the file the error is
// io.EOF. A ctx that ends withdraws what was asked for.
func (r *Reader) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	c, err := r.t.wait(ctx)
	if err != nil {
		return 0, err
	}
	if r.file < 0 || r.file >= len(c.info().Files) {
		return 0, fmt.Errorf("no file %d in the torrent", r.file)
	}
	length := c.info().Files[r.file].Length
	if off >= length {
		return 0, io.EOF
	}
	var end error
	if int64(len(p)) > length-off {
		p, end = p[:length-off], io.EOF
	}
	var st *reads.Stream
	var ahead event
	if !sparing(ctx) {
		st, ahead = r.follow(c, off, int64(len(p)), length)
	}
	err = r.fetch(ctx, absent(split(c.info(), p, r.file, off), c), c, ahead)
	if st != nil {
		r.answered(st)
	}
	if err != nil {
		return 0, err
	}
	return len(p), end
}

// follow notes a read. It returns what the loop is to be told, or nil.
func (r *Reader) follow(c *content, off, n, length int64) (*reads.Stream, event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, move := r.streams.Follow(off, n, length, c.info().PieceLength, time.Now())
	if move.Stream == nil {
		return s, nil
	}
	return s, aheadEvent{r.file, move}
}

// answered notes that a read was answered.
func (r *Reader) answered(s *reads.Stream) {
	r.mu.Lock()
	s.Answered(time.Now())
	r.mu.Unlock()
}

// Present reports whether n bytes from off can be read without waiting for a
// peer. It does not block.
func (r *Reader) Present(off, n int64) bool {
	c := r.t.content.Load()
	if c == nil || r.file < 0 || r.file >= len(c.info().Files) {
		return false
	}
	for end := min(off+n, c.info().Files[r.file].Length); off < end; {
		piece, begin := c.info().Pieces.At(r.file, off)
		left := int64(c.info().Pieces.Size(piece)) - begin
		if left <= 0 || !c.storage.Has(piece) {
			return false
		}
		off += left
	}
	return true
}

// fetch has fetched what is missing of a read, if anything is, and then what lies
// ahead, unless that is nil: behind what is waited for.
func (r *Reader) fetch(ctx context.Context, missing []part, c *content, ahead event) error {
	for tries := 0; len(missing) > 0; tries++ {
		if tries == maxReadTries {
			return fmt.Errorf("piece %d: %w", missing[0].piece, ErrMissing)
		}
		wants := newWants(missing, tries > 0, sparing(ctx))
		if !r.t.post(wantsEvent(wants)) {
			return r.t.err
		}
		if ahead != nil {
			r.t.post(ahead)
			ahead = nil
		}
		var err error
		var stored []part // meanwhile: to be read there
		for i, w := range wants {
			select {
			case o := <-w.done:
				switch {
				case o.err != nil:
					err = errors.Join(err, o.err)
				case o.data.Blocks != nil:
					o.data.CopyTo(missing[i].p, missing[i].begin)
					o.data.Release()
				default:
					stored = append(stored, missing[i])
				}
			case <-ctx.Done():
				r.t.post(withdrawEvent(wants[i:]))
				return ctx.Err()
			case <-r.t.done:
				return r.t.err
			}
		}
		if err != nil {
			return err
		}
		missing = absent(stored, c)
	}
	if ahead != nil {
		r.t.post(ahead)
	}
	return nil
}

// part is the part of a read that lies in one piece.
type part struct {
	piece int
	begin int64
	p     []byte
}

func split(info *metainfo.Info, p []byte, file int, off int64) []part {
	var out []part
	for len(p) > 0 {
		piece, begin := info.Pieces.At(file, off)
		n := min(int64(len(p)), int64(info.Pieces.Size(piece))-begin)
		if n <= 0 {
			break // never: the file's bytes lie in its pieces
		}
		out = append(out, part{piece, begin, p[:n]})
		p, off = p[n:], off+n
	}
	return out
}

// absent reads from the storage what it has, and returns the parts that it has not.
func absent(parts []part, c *content) (missing []part) {
	for _, a := range parts {
		if n, err := c.storage.ReadAt(a.p, a.piece, a.begin); err != nil || n != len(a.p) {
			missing = append(missing, a)
		}
	}
	return missing
}

// newWants are what a reader waits for to have some parts; lost says that the
// storage said it had them.
func newWants(parts []part, lost, sparing bool) []*want {
	wants := make([]*want, len(parts))
	for i, a := range parts {
		first := int(a.begin) / hashing.BlockSize
		end := (int(a.begin) + len(a.p) + hashing.BlockSize - 1) / hashing.BlockSize
		w := &want{lost: lost, done: make(chan outcome, 1)}
		w.Want = reads.Want{Piece: a.piece, First: first, End: end, Sparing: sparing, For: w}
		wants[i] = w
	}
	return wants
}
