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
		s.faults.refused(ErrTooLarge)
		return ErrTooLarge
	}
	e, err := s.table.claim(k)
	if err != nil {
		return err
	}
	defer s.table.unclaim(k)
	if e != nil && e.size != size {
		s.discard(e, nil) // it makes way for another piece of its name
		s.cfg.OnEvict(k)
		e = nil
	}
	if e != nil {
		h, err := s.openEntry(e)
		if err == nil {
			e.use.Store(s.table.now())
			h.unref()
			return nil
		}
		if !errors.Is(err, ErrMissing) {
			return err
		}
	}
	if err := s.putClaimed(k, blocks, size); err != nil {
		s.faults.refused(err)
		return err
	}
	s.faults.stored()
	return nil
}

// putClaimed is Put for a key that is claimed and not in the index.
func (s *Store) putClaimed(k Key, blocks [][]byte, size int64) error {
	s.litter.sweep(s.table, s.place.directory())
	need := roundUp(size)
	if err := s.makeRoom(need); err != nil {
		return err
	}
	in, err := s.write(k, blocks, size)
	if err != nil {
		err = fmt.Errorf("cache: %w", err)
	}
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	s.table.reserved -= need
	if err != nil {
		return err
	}
	s.table.insert(k, in, s.table.now(), true)
	return nil
}

// write creates k's file under its temporary name and renames it. A directory
// that somebody removed is made again.
func (s *Store) write(k Key, blocks [][]byte, size int64) (info, error) {
	dir := s.place.directory()
	in, made, err := writePiece(dir, k, blocks, size)
	if isNotExist(err) && dir.Gone() {
		if err := s.revive(dir); err != nil {
			return info{}, err
		}
		dir = s.place.directory()
		in, made, err = writePiece(dir, k, blocks, size)
	}
	if err != nil && made {
		s.litter.remove(dir, k, pathName(k)+tmpSuffix)
	}
	return in, err
}

// revive makes the directory again after old was removed under us. All pieces
// are gone but those that stand in the new one.
func (s *Store) revive(old directory) error {
	var gone []Key
	var files []*handle
	err := s.place.revive(old, func(pieces []found) {
		s.table.mu.Lock()
		defer s.table.mu.Unlock()
		gone, files = s.table.replace(pieces)
	})
	for _, h := range files {
		h.unref()
	}
	for _, k := range gone {
		s.cfg.OnEvict(k)
		s.table.unclaim(k)
	}
	return err
}

// writePiece writes k's file. After an error made tells whether its temporary one
// is there.
func writePiece(dir directory, k Key, blocks [][]byte, size int64) (in info, made bool, err error) {
	name := pathName(k)
	tmp := name + tmpSuffix
	f, err := create(dir, shardName(k), tmp)
	if err != nil {
		return info{}, false, err
	}
	err = writeBlocks(f, blocks)
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
		return in, true, err
	}
	// The rename moved the ctime. Where that cannot be seen the piece is
	// verified at its first read.
	if named, _, err := dir.Lstat(name); err == nil && named.same(in) {
		in.ctime = named.ctime
	}
	return in, true, nil
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
