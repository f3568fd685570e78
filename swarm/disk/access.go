package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"p2pfs/swarm/metainfo"
)

// errShort says that a file ends within the piece or is not there.
var errShort = errors.New("file is too short")

// errGone says that a file was removed while it was written to.
var errGone = fmt.Errorf("file was removed: %w", fs.ErrNotExist)

// lostCount changes when one of the files is lost. It is negative while one
// is being lost.
func (f *files) lostCount(spans []metainfo.Span) (n int64) {
	for _, s := range spans {
		lost := f.state[s.File].lost.Load()
		if lost%2 == 1 {
			return -1
		}
		n += lost
	}
	return n
}

// read fills p from a file that holds verified bytes there.
func (f *files) read(p []byte, file int, off int64) error {
	h, err := f.acquire(file, false)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrNotFile) {
			f.lose(file, nil)
			return ErrMissing
		}
		return err
	}
	defer h.unref()
	seal := f.state[file].seal.Load()
	if n := preadCached(h.f, p, off); n < len(p) {
		_, err = h.f.ReadAt(p[n:], off+int64(n))
	}
	// Looking after the read is enough: a writer moves the mtime before he
	// changes a byte.
	switch {
	case err == io.EOF || err == nil && seal != nil && !f.unchanged(h, seal):
		f.lose(file, seal)
		return ErrMissing
	case err != nil:
		return f.at.pathError(file, err)
	}
	return nil
}

// unchanged reports whether h's file is as seal says, or has another seal or
// none meanwhile because we are writing to it.
func (f *files) unchanged(h *handle, seal *ident) bool {
	id, linked, err := identify(h.f)
	if err == nil && linked && id == *seal {
		return true
	}
	st := &f.state[h.file]
	return st.seal.Load() != seal && st.known.Load()
}

// readAny fills p from a file, whether what stands there is known or not.
func (f *files) readAny(p []byte, file int, off int64) error {
	if f.at.info.Files[file].Pad {
		clear(p)
		return nil
	}
	h, err := f.acquire(file, false)
	if errors.Is(err, fs.ErrNotExist) {
		return errShort
	}
	if err != nil {
		return err
	}
	defer h.unref()
	if _, err := h.f.ReadAt(p, off); err == io.EOF {
		return errShort
	} else if err != nil {
		return f.at.pathError(file, err)
	}
	return nil
}

// write writes blocks to a file, and takes its seal.
func (f *files) write(blocks [][]byte, file int, off int64) error {
	st := &f.state[file]
	if st.seal.Load() != nil { // nobody may take our change for somebody else's
		st.seal.Store(nil)
	}
	h, err := f.acquire(file, true)
	if err != nil {
		return err
	}
	defer h.unref()
	st.dirty.Store(true)
	st.known.Store(true)
	for len(blocks) > 0 {
		n, err := f.writev(h.f, blocks, off)
		if err == nil && n == 0 && len(blocks[0]) > 0 {
			err = io.ErrShortWrite
		}
		if err != nil {
			return f.at.pathError(file, &fs.PathError{Op: "write", Err: err})
		}
		off += int64(n)
		_, blocks = cut(blocks, int64(n))
	}
	if _, linked, err := identify(h.f); err == nil && !linked {
		f.lose(file, nil)
		return f.at.pathError(file, errGone)
	}
	return nil
}

// finish makes a file what the torrent says, created at that time, and seals it.
func (f *files) finish(i int, created time.Time) error {
	name := f.at.paths[i]
	fi, err := f.at.root.Lstat(name)
	if err != nil {
		return err
	}
	if !fi.Mode().IsRegular() {
		return ErrNotFile
	}
	if fi.Size() != f.at.info.Files[i].Length {
		f.state[i].seal.Store(nil)
		if err := f.at.touch(i); err != nil {
			return err
		}
	}
	if mode := fi.Mode().Perm(); f.at.info.Files[i].Exec && mode&0o111 != mode&0o444>>2 {
		if err := f.at.root.Chmod(name, mode|mode&0o444>>2); err != nil {
			return err
		}
	}
	if f.state[i].dirty.Load() && !created.IsZero() && created.Before(time.Now()) {
		f.state[i].seal.Store(nil)
		if err := f.at.root.Chtimes(name, time.Time{}, created); err != nil {
			return err
		}
	}
	if f.state[i].seal.Load() != nil {
		return nil
	}
	if fi, err = f.at.root.Lstat(name); err != nil {
		return err
	}
	id := identOf(fi)
	f.state[i].seal.Store(&id)
	f.state[i].known.Store(true)
	return nil
}

// describe returns what the record says of a file.
func (f *files) describe(file int, now int64) (r recordFile) {
	st := &f.state[file]
	dirty := st.dirty.Load()
	if seal := st.seal.Load(); seal != nil {
		r.ident = *seal
	} else if dirty && st.known.Load() {
		if fi, err := f.at.root.Lstat(f.at.paths[file]); err == nil && fi.Mode().IsRegular() {
			r.ident = identOf(fi)
		}
	}
	r.durable = !dirty && now-r.mtime > int64(flushed)
	return r
}
