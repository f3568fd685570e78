package hasher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/share/inode"
	"p2pfs/swarm/share/record"
)

// What becomes of a job besides a Result and a plain error; it is
// inode.ErrStale if the file is not what was found under its path.
var (
	ErrBusy    = errors.New("a writer has it open")
	ErrUnclear = errors.New("the filesystem does not tell whether a writer has it open")
	ErrDropped = errors.New("nobody waits for it any more")
)

// do reads one file.
func (p *Pool) do(j *Job) Result {
	r := Result{Job: j}
	if j.dropped.Load() {
		r.Err = ErrDropped
		return r
	}
	f, m, err := p.Open(j.Path)
	if err != nil {
		r.Err = err
		return r
	}
	defer f.Close()
	p.Disks.Note(m.Dev, j.Path)
	switch pl := metainfo.PieceLength(j.ID.Size); {
	case m.ID != j.ID:
		r.Err = inode.ErrStale
	case (j.ID.Size-1)/pl >= metainfo.MaxPieces:
		r.Err = fmt.Errorf("%d bytes are too many for a torrent", j.ID.Size)
	default:
		r.Err = p.settled(f, j)
	}
	if r.Err != nil {
		return r
	}
	if j.ID.Size == 0 {
		r.Summary.CTime = m.CTime
		return r
	}
	if p.recall(&r, m); r.Hashes != nil {
		return r
	}
	r.Read = true
	fh, err := p.Hash(f, j)
	switch {
	case errors.Is(err, hashing.ErrLength):
		r.Err = inode.ErrStale
	case err != nil:
		r.Err = fmt.Errorf("hash: %w", err)
	default:
		r.Hashes = &record.Hashes{Root: fh.Root, Pieces: fh.Pieces, Layer: fh.Layer}
		r.Err = p.finish(f, j, &r.Summary, r.Hashes)
	}
	return r
}

// recall takes the result of an earlier time, if there is one: that the file
// was not published with it was for another reason.
func (p *Pool) recall(r *Result, m inode.Meta) {
	sum, found := p.Records.Find(m.ID)
	if h := p.Records.Hashes(m.ID); found && h != nil && h.Root == sum.Root {
		r.Summary, r.Hashes = sum, h
	}
}

// finish checks once more, and makes the summary.
func (p *Pool) finish(f *os.File, j *Job, sum *record.Summary, h *record.Hashes) error {
	if err := p.settled(f, j); err != nil {
		return err
	}
	m, err := inode.Stat(f, j.Path)
	if err != nil {
		return err
	}
	if m.ID != j.ID {
		return inode.ErrStale
	}
	sum.CTime, sum.Root, sum.Sound = m.CTime, h.Root, true
	p.Torrents.Name(sum, path.Base(j.Path), j.ID.Size, h.Pieces)
	return nil
}

func (p *Pool) settled(f *os.File, j *Job) error {
	switch state := p.Writers(f); {
	case state == inode.Busy:
		return ErrBusy
	case state == inode.Unknown && !j.Still:
		return ErrUnclear
	}
	return nil
}

// Hash hashes f, unless the job is dropped or ctx ends.
func (j *Job) Hash(ctx context.Context, f *os.File) (hashing.FileHashes, error) {
	return hashing.File(ctx, reader{f, j}, hashing.Config{PieceLength: metainfo.PieceLength(j.ID.Size), Length: j.ID.Size}, j.done.Store)
}

// reader stops reading for a job that was dropped.
type reader struct {
	f io.Reader
	j *Job
}

// Read is for hashing.File.
func (r reader) Read(p []byte) (int, error) {
	if r.j.dropped.Load() {
		return 0, ErrDropped
	}
	return r.f.Read(p)
}
