package share

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"sync/atomic"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
)

// bigFile and more goes to the worker for big files, so that they never keep
// small ones waiting.
const bigFile = 16 << 20

// What becomes of a job besides done and a plain error.
var (
	errBusy    = errors.New("share: a writer has it open")
	errUnclear = errors.New("share: the filesystem does not tell whether a writer has it open")
	errStale   = errors.New("share: changed meanwhile")
	errDropped = errors.New("share: nobody waits for it any more")
)

// job is a file to be settled and hashed, whatever path it has.
type job struct {
	id    ident
	path  string // where it was found; base name and options are its infohashes'
	still bool   // it has stood still: no lease is asked for

	nodes   []*node // who waits for it; owned by loop
	done    atomic.Int64
	dropped atomic.Bool
}

// result is a job's end.
type result struct {
	job    *job
	sum    summary
	h      *hashes // nil for an empty file
	hashed bool    // its bytes were read, successfully or not
	err    error
}

// hashers runs jobs on goroutines of its own: some for small files, which take
// no big ones, and one for big files, which uses all cores by itself.
type hashers struct {
	s          *Share
	small, big chan *job
	results    chan result
	smallQ     []*job // what the channels have no room for; owned by loop
	bigQ       []*job
	jobs       map[ident]*job         // not ended; owned by loop
	most       int                    // that were in jobs
	working    []*atomic.Pointer[job] // a slot a worker, for Stats
	hash       func(*os.File, *job) (hashing.FileHashes, error)
}

func newHashers(ctx context.Context, s *Share) *hashers {
	h := &hashers{
		s:       s,
		small:   make(chan *job, 128),
		big:     make(chan *job, 1),
		results: make(chan result, 128),
		jobs:    map[ident]*job{},
	}
	h.hash = func(f *os.File, j *job) (hashing.FileHashes, error) {
		return hashing.File(ctx, jobReader{f, j}, hashing.Config{PieceLength: metainfo.PieceLength(j.id.size), Length: j.id.size}, j.done.Store)
	}
	h.start(ctx, h.big)
	for range max(2, runtime.GOMAXPROCS(0)) {
		h.start(ctx, h.small)
	}
	return h
}

func (h *hashers) start(ctx context.Context, jobs <-chan *job) {
	slot := new(atomic.Pointer[job])
	h.working = append(h.working, slot)
	h.s.wg.Go(func() {
		for {
			select {
			case j := <-jobs:
				slot.Store(j)
				r := result{job: j}
				if err := h.s.cfg.Guard.Do(func() { r = h.do(j) }); err != nil {
					r.err = err
				}
				slot.Store(nil)
				select {
				case h.results <- r: // rather than end
					continue
				default:
				}
				select {
				case h.results <- r:
				case <-ctx.Done():
					return
				}
			case <-ctx.Done():
				return
			}
		}
	})
}

// queue adds a job, feed hands out what the workers have room for.
func (h *hashers) queue(j *job) {
	h.jobs[j.id] = j
	if j.id.size < bigFile {
		h.smallQ = append(h.smallQ, j)
	} else {
		h.bigQ = append(h.bigQ, j)
	}
}

func (h *hashers) feed() {
	if (len(h.smallQ) > 0 || len(h.bigQ) > 0) && !h.s.store.full() {
		h.smallQ = offer(h.small, h.smallQ)
		h.bigQ = offer(h.big, h.bigQ)
	}
}

func offer(to chan<- *job, queue []*job) []*job {
	for len(queue) > 0 {
		if queue[0].dropped.Load() {
			queue = queue[1:]
			continue
		}
		select {
		case to <- queue[0]:
			queue = queue[1:]
		default:
			return queue
		}
	}
	return nil
}

// drop ends a job that nobody waits for.
func (h *hashers) drop(j *job) {
	j.dropped.Store(true)
	h.forget(j)
}

// forget takes a job that has ended out of the table, and gives the room back
// that a table of many took.
func (h *hashers) forget(j *job) {
	if h.jobs[j.id] == j {
		delete(h.jobs, j.id)
	}
	if h.most = max(h.most, len(h.jobs)); len(h.jobs) == 0 && h.most > 1000 {
		h.jobs, h.most = map[ident]*job{}, 0
	}
}

// save files results that came too late for the loop.
func (h *hashers) save() {
	for {
		select {
		case r := <-h.results:
			if r.err == nil && r.h != nil {
				h.s.store.put(r.job.id, r.sum, r.h)
			}
		default:
			return
		}
	}
}

// do settles and hashes one file. All checks are on the open file: that it is
// a regular one and still what was found under the path, that nobody writes
// to it, before and after it is read.
func (h *hashers) do(j *job) result {
	r := result{job: j}
	if j.dropped.Load() {
		r.err = errDropped
		return r
	}
	f, m, err := h.s.openFile(j.path)
	if err != nil {
		r.err = err
		return r
	}
	defer f.Close()
	h.s.disks.note(m.dev, j.path)
	switch pl := metainfo.PieceLength(j.id.size); {
	case m.ident != j.id:
		r.err = errStale
	case (j.id.size-1)/pl >= metainfo.MaxPieces:
		r.err = fmt.Errorf("%d bytes are too many for a torrent", j.id.size)
	}
	if r.err != nil {
		return r
	}
	if r.err = h.settled(f, j); r.err != nil || j.id.size == 0 {
		return r
	}
	if h.recall(&r, m); r.h != nil {
		return r
	}
	r.hashed = true
	fh, err := h.hash(f, j)
	switch {
	case errors.Is(err, hashing.ErrLength):
		r.err = errStale
	case err != nil:
		r.err = fmt.Errorf("hash: %w", err)
	default:
		r.h = &hashes{root: fh.Root, pieces: fh.Pieces, layer: fh.Layer}
		r.err = h.finish(f, j, &r.sum, fh)
	}
	return r
}

// recall takes the result of an earlier time, if there is one: that the file
// was not published with it was for another reason.
func (h *hashers) recall(r *result, m meta) {
	found := false
	h.s.store.lookup([]meta{m}, func(_ int, sum summary) { r.sum, found = sum, true })
	if have := h.s.store.hashes(m.ident); found && have != nil && have.root == r.sum.root {
		r.h = have
	}
}

// finish checks once more, and makes the summary.
func (h *hashers) finish(f *os.File, j *job, sum *summary, fh hashing.FileHashes) error {
	if err := h.settled(f, j); err != nil {
		return err
	}
	m, err := statFile(f, j.path)
	if err != nil {
		return err
	}
	if m.ident != j.id {
		return errStale
	}
	sum.ctime, sum.root, sum.epoch = m.ctime, fh.Root, h.s.store.epoch.Load()
	return h.s.nameSummary(sum, path.Base(j.path), j.id.size, fh.Pieces)
}

func (h *hashers) settled(f *os.File, j *job) error {
	switch state := h.s.writers(f); {
	case state == leaseBusy:
		return errBusy
	case state == leaseUnknown && !j.still:
		return errUnclear
	}
	return nil
}

// jobReader stops reading for a job that was dropped.
type jobReader struct {
	f io.Reader
	j *job
}

// Read is for metainfo.HashFile.
func (r jobReader) Read(p []byte) (int, error) {
	if r.j.dropped.Load() {
		return 0, errDropped
	}
	return r.f.Read(p)
}
