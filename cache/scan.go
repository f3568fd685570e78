package cache

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"p2pfs/swarm/durable"
)

const (
	formatName  = "format"
	formatText  = "p2pfs cache 1\n"
	cleanName   = "clean" // pieces that were trusted without a look
	cacheTag    = "CACHEDIR.TAG"
	cacheTagSig = "Signature: 8a477f597d28d172789f06886806bc55\n" +
		"# Pieces that p2pfs has fetched; see https://bford.info/cachedir/\n"
)

// checkFormat returns ErrFormat if dir is a cache of another version, and
// marks it as one of this version if it is not marked at all. A mark of nothing
// is none.
func checkFormat(dir directory) error {
	text, err := readSmall(dir, formatName, 64)
	switch {
	case isNotExist(err):
	case err != nil:
		return err
	case durable.Blank(text): // a power cut left it
	case string(text) != formatText:
		return fmt.Errorf("%w: %q, this program knows %q", ErrFormat, text, formatText)
	default:
		return nil
	}
	if err := writeSmall(dir, cacheTag, []byte(cacheTagSig)); err != nil {
		return err
	}
	return writeSmall(dir, formatName, []byte(formatText))
}

// readSmall returns at most limit bytes of a regular file.
func readSmall(dir directory, name string, limit int64) ([]byte, error) {
	f, err := dir.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in, err := f.Info()
	if err != nil {
		return nil, err
	}
	if !in.regular {
		return nil, fs.ErrInvalid
	}
	text := make([]byte, min(in.size, limit))
	n, err := f.ReadAt(text, 0)
	if n == len(text) {
		err = nil
	}
	return text[:n], err
}

// writeSmall puts text under a name, wholly or not at all, down to the device.
func writeSmall(dir directory, name string, text []byte) error {
	tmp := name + tmpSuffix
	if err := dir.Remove(tmp); err != nil && !isNotExist(err) {
		return err
	}
	f, err := dir.Create(tmp)
	if err != nil {
		return err
	}
	err = writeBlocks(f, [][]byte{text})
	if err == nil {
		err = f.Sync()
	}
	if err1 := f.Close(); err == nil {
		err = err1
	}
	if err == nil {
		err = dir.Rename(tmp, name)
	}
	if err != nil {
		dir.Remove(tmp) // the next writeSmall removes it otherwise
		return err
	}
	return dir.SyncNames()
}

// found is a file that has the form of a piece.
type found struct {
	key  Key
	info info
}

// scan lists all pieces of dir and removes what crashes left behind. It tells
// fault what cannot be removed.
func scan(dir directory, fault func(op string, err error)) ([]found, error) {
	var (
		mu    sync.Mutex
		all   []found
		first error
		wg    sync.WaitGroup
	)
	names := make(chan string)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for shard := range names {
				part, err := scanShard(dir, shard, fault)
				mu.Lock()
				all = append(all, part...)
				if err != nil && first == nil {
					first = err
				}
				mu.Unlock()
			}
		})
	}
	for _, shard := range shards() {
		names <- shard
	}
	close(names)
	wg.Wait()
	return all, first
}

// scanShard lists one directory. Of what stands there under a name of our
// form it removes temporary files, links and files of an impossible size.
func scanShard(dir directory, shard string, fault func(op string, err error)) ([]found, error) {
	list, err := dir.List(shard)
	if err != nil {
		if isNotExist(err) {
			return nil, nil
		}
		return nil, err
	}
	var pieces []found
	for _, l := range list {
		base, tmp := strings.CutSuffix(l.name, tmpSuffix)
		k, ok := parseName(base)
		if !ok || shardName(k) != shard || l.mode.IsDir() {
			continue
		}
		if tmp || !l.info.regular || l.info.size == 0 || l.info.size > MaxPiece {
			if err := dir.Remove(filepath.Join(shard, l.name)); err != nil {
				fault("remove", err)
			}
			continue
		}
		pieces = append(pieces, found{k, l.info})
	}
	return pieces, nil
}
