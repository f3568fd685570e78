package disk

import (
	"context"
	"errors"
	"io/fs"
	"runtime"
	"sync"
	"sync/atomic"
)

// Check hashes, on all cores, what stands in the files and is not known yet:
// everything at first, nothing when the resume record vouches for all. Holes
// of sparse files are not read. Pieces that verify are held when it returns.
// progress, unless nil, is told how many bytes of how many are done; its calls
// do not overlap. The error is ctx's, or of a file that is there but cannot be
// read; what was found before or besides is kept in either case.
func (d *Disk) Check(ctx context.Context, progress func(done, total int64)) error {
	c := &checker{d: d, progress: progress, before: make(map[int]ident)}
	c.plan()
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(c.pieces)) {
		wg.Go(func() { c.work(ctx) })
	}
	wg.Wait()
	c.settle(ctx.Err() == nil)
	d.proofs.adopt(d.have)
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.failed
}

// checker is one Check.
type checker struct {
	d      *Disk
	before map[int]ident // files to look at, as they were at the beginning
	pieces []int         // to hash
	total  int64         // bytes of them
	next   atomic.Int64  // index in pieces
	zero   zeroSums

	mu       sync.Mutex // guards the fields below and the calls of progress
	progress func(done, total int64)
	done     int64
	good     []int // pieces that verify
	failed   error // the first that is not of a missing file
	unread   map[int]bool
}

// plan finds the files that nothing is known of, and the pieces in them. A
// piece that reaches into a file that is missing or too short is not looked at.
func (c *checker) plan() {
	d := c.d
	pieces := newBits(d.info.Pieces.Count())
	for i := range d.info.Files {
		f := &d.info.Files[i]
		if d.files.state[i].known.Load() || f.Pad || f.Length == 0 {
			continue
		}
		fi, err := d.files.at.root.Lstat(d.files.at.paths[i])
		switch {
		case err == nil && fi.Mode().IsRegular():
			c.before[i] = identOf(fi)
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			c.fail(i, d.files.at.pathError(i, err))
		case err == nil:
			c.fail(i, d.files.at.pathError(i, ErrNotFile))
		default:
			c.before[i] = ident{}
		}
		first, n := d.info.Pieces.OfFile(i)
		for p := first; p < first+n; p++ {
			pieces.set(p)
		}
	}
	for p := range d.info.Pieces.Count() {
		if pieces.get(p) && !d.have.get(p) && c.reaches(p) {
			c.pieces = append(c.pieces, p)
			c.total += int64(d.info.Pieces.Size(p))
		}
	}
}

// reaches reports whether the files to look at have bytes for all of a piece.
func (c *checker) reaches(piece int) bool {
	for _, s := range c.d.info.Pieces.Spans(piece, 0, int64(c.d.info.Pieces.Size(piece))) {
		before, ok := c.before[s.File]
		if ok && before.size < s.Offset+s.Length {
			return false
		}
	}
	return true
}

// fail notes that a file cannot be read.
func (c *checker) fail(file int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed == nil {
		c.failed = err
	}
	if c.unread == nil {
		c.unread = make(map[int]bool)
	}
	c.unread[file] = true
}

// work hashes pieces until there are no more.
func (c *checker) work(ctx context.Context) {
	s := newSummer(c.d)
	for ctx.Err() == nil {
		end := int(c.next.Add(2))
		pieces := c.pieces[min(end-2, len(c.pieces)):min(end, len(c.pieces))]
		if len(pieces) == 0 {
			return
		}
		if len(pieces) == 2 && c.together(s, pieces[0], pieces[1]) {
			continue
		}
		for _, piece := range pieces {
			c.tell(piece, c.judge(s, piece))
		}
	}
}

// together hashes two pieces at once. It reports false, and has done nothing,
// if that does not go with these.
func (c *checker) together(s *summer, a, b int) bool {
	if !s.pairs(a, b) || c.isHole(a) || c.isHole(b) {
		return false
	}
	x, y, err := s.sumPair(a, b)
	if err != nil {
		return false
	}
	c.tell(a, c.d.proofs.judge(a, x))
	c.tell(b, c.d.proofs.judge(b, y))
	return true
}

// tell notes what was found of a piece.
func (c *checker) tell(piece int, v verdict) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v == good {
		c.good = append(c.good, piece)
	}
	c.done += int64(c.d.info.Pieces.Size(piece))
	if c.progress != nil {
		c.progress(c.done, c.total)
	}
}

func (c *checker) judge(s *summer, piece int) verdict {
	var sum sums
	if c.isHole(piece) {
		sum = c.zero.get(s, piece)
	} else {
		var err error
		if sum, err = s.sum(piece); err != nil {
			if err != errShort {
				for _, span := range c.d.info.Pieces.Spans(piece, 0, int64(c.d.info.Pieces.Size(piece))) {
					c.fail(span.File, err)
				}
			}
			return bad
		}
	}
	v := c.d.proofs.judge(piece, sum)
	if v == unsure {
		c.d.proofs.orphans.add(piece, sum.v2)
	}
	return v
}

// isHole reports whether nothing of a piece is allocated on disk.
func (c *checker) isHole(piece int) bool {
	for _, s := range c.d.info.Pieces.Spans(piece, 0, int64(c.d.info.Pieces.Size(piece))) {
		if c.d.info.Files[s.File].Pad {
			continue
		}
		h, err := c.d.files.acquire(s.File, false)
		if err != nil {
			return false
		}
		hole := isHole(h.f, s.Offset, s.Length)
		h.unref()
		if !hole {
			return false
		}
	}
	return true
}

// settle takes over what was found about files that have not changed since
// plan. All pieces were looked at if whole is true.
func (c *checker) settle(whole bool) {
	d := c.d
	changed := make(map[int]bool)
	for i, before := range c.before {
		var after ident
		if fi, err := d.files.at.root.Lstat(d.files.at.paths[i]); err == nil {
			after = identOf(fi)
		}
		if after != before {
			changed[i] = true
			d.cfg.Log.Warn("file changes while it is checked", "path", d.files.at.paths[i])
			first, n := d.info.Pieces.OfFile(i)
			d.proofs.orphans.take(first, n)
			continue
		}
		if before != (ident{}) {
			d.files.state[i].ino.Store(before.ino)
			d.files.state[i].seal.Store(&before)
		}
		if whole && !c.unread[i] {
			d.files.state[i].known.Store(true)
		}
	}
	for _, p := range c.good {
		ok := true
		for _, s := range d.info.Pieces.Spans(p, 0, int64(d.info.Pieces.Size(p))) {
			ok = ok && !changed[s.File]
		}
		if ok {
			d.have.set(p)
		}
	}
}
