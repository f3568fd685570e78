package cache

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// allocUnit is what a piece's length is rounded up to when room is made.
const allocUnit = 4 << 10

func roundUp(n int64) int64 { return (n + allocUnit - 1) / allocUnit * allocUnit }

// Put stores the piece that k names: blocks end to end, which the caller has
// verified and does not change before Put returns. A piece that is there
// already is not written again; one of another length, which the same hash tree
// can have, gives way. Least recently used pieces go first if they
// must. An error (ErrNoRoom, ErrTooLarge, or the disk's) leaves nothing behind.
func (s *Store) Put(k Key, blocks [][]byte) error {
	var size int64
	for _, b := range blocks {
		size += int64(len(b))
	}
	if keyHash(&k) == nil || size == 0 {
		return ErrKey
	}
	if size > MaxPiece || roundUp(size) > s.cfg.Size {
		s.refused(ErrTooLarge)
		return ErrTooLarge
	}
	e, err := s.claim(k)
	if err != nil {
		return err
	}
	defer s.unclaim(k)
	if e != nil && e.size != size {
		s.replaceClaimed(e)
		e = nil
	}
	if e != nil {
		h, err := s.openEntry(e)
		if err == nil {
			e.use.Store(s.now())
			h.unref()
			return nil
		}
		if !errors.Is(err, ErrMissing) {
			return err
		}
	}
	if err := s.putClaimed(k, blocks, size); err != nil {
		s.refused(err)
		return err
	}
	s.stored()
	return nil
}

// putClaimed is Put for a key that is claimed and not in the index.
func (s *Store) putClaimed(k Key, blocks [][]byte, size int64) error {
	s.sweep()
	need := roundUp(size)
	if err := s.makeRoom(need); err != nil {
		return err
	}
	in, err := s.write(k, blocks, size)
	if err != nil {
		err = fmt.Errorf("cache: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reserved -= need
	if err != nil {
		return err
	}
	s.insert(k, in, s.now(), true)
	return nil
}

// replaceClaimed makes way for another piece of e's name, whose key is claimed.
func (s *Store) replaceClaimed(e *entry) {
	s.mu.Lock()
	h := s.take(e)
	dir := s.dir
	s.mu.Unlock()
	if h != nil {
		h.unref()
	}
	s.removeFile(dir, e.key, pathName(e.key))
	s.cfg.OnEvict(e.key)
}

// write creates k's file under its temporary name and renames it. A directory
// that somebody removed is made again.
func (s *Store) write(k Key, blocks [][]byte, size int64) (info, error) {
	dir := s.directory()
	in, err := s.writeTo(dir, k, blocks, size)
	if isNotExist(err) && dir.Gone() {
		if err := s.revive(dir); err != nil {
			return info{}, err
		}
		in, err = s.writeTo(s.directory(), k, blocks, size)
	}
	return in, err
}

func (s *Store) writeTo(dir directory, k Key, blocks [][]byte, size int64) (info, error) {
	name := pathName(k)
	tmp := name + tmpSuffix
	f, err := create(dir, shardName(k), tmp)
	if err != nil {
		return info{}, err
	}
	err = writeBlocks(f, blocks)
	var in info
	if err == nil {
		in, err = f.Info()
	}
	if err == nil && in.size != size {
		err = io.ErrShortWrite
	}
	if err1 := f.Close(); err == nil {
		err = err1
	}
	if err == nil {
		err = dir.Rename(tmp, name)
	}
	if err != nil {
		s.removeFile(dir, k, tmp)
		return in, err
	}
	// The rename moved the ctime. Where that cannot be seen the piece is
	// verified at its first read.
	if named, _, err := dir.Lstat(name); err == nil && named.same(in) {
		in.ctime = named.ctime
	}
	return in, nil
}

// create makes the file tmp in the directory shard, and the directory if it
// is not there. What stands under that name was left by a crash or a fault.
func create(dir directory, shard, tmp string) (file, error) {
	f, err := dir.Create(tmp)
	switch {
	case isNotExist(err):
		if err := dir.Mkdir(shard); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	case errors.Is(err, fs.ErrExist):
		if err := dir.Remove(tmp); err != nil {
			return nil, err
		}
	default:
		return f, err
	}
	return dir.Create(tmp)
}

// writeBlocks writes blocks end to end from the file's beginning.
func writeBlocks(f file, blocks [][]byte) error {
	var off int64
	own := false // blocks is a copy that may be changed
	for len(blocks) > 0 {
		n, err := f.WriteBlocks(blocks, off)
		if err != nil {
			return err
		}
		if n == 0 && len(blocks[0]) > 0 {
			return io.ErrShortWrite
		}
		off += int64(n)
		for len(blocks) > 0 && n >= len(blocks[0]) {
			n -= len(blocks[0])
			blocks = blocks[1:]
		}
		if n > 0 {
			if !own {
				blocks, own = append([][]byte(nil), blocks...), true
			}
			blocks[0] = blocks[0][n:]
		}
	}
	return nil
}

// sweepMax bounds the old faults that one Put tries to mend.
const sweepMax = 8

// removeFile removes one of k's two files, or remembers to do so later.
func (s *Store) removeFile(dir directory, k Key, name string) {
	if err := dir.Remove(name); err != nil && !isNotExist(err) {
		s.fault("remove", err)
		s.mu.Lock()
		s.litter[k] = struct{}{}
		s.mu.Unlock()
	}
}

// sweep tries again to remove what could not be removed before.
func (s *Store) sweep() {
	s.mu.Lock()
	var keys []Key
	for k := range s.litter {
		if s.busy[k] == nil && len(keys) < sweepMax {
			keys = append(keys, k)
			s.begin(k)
			delete(s.litter, k)
		}
	}
	dir := s.dir
	s.mu.Unlock()
	for _, k := range keys {
		s.removeFile(dir, k, pathName(k)+tmpSuffix)
		if !s.Has(k) {
			s.removeFile(dir, k, pathName(k))
		}
		s.unclaim(k)
	}
}
