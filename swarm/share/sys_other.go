//go:build !linux

package share

import (
	"errors"
	"hash/fnv"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Elsewhere than on Linux a file is known by its path, so that a renamed one
// is hashed again, nothing is watched, and settling goes by size and time.

const (
	openFlags    = os.O_RDONLY
	openDirFlags = os.O_RDONLY
)

func statAt(dir *os.File, dirPath string, names []string, see func(name string, m meta, err error) bool) error {
	for _, name := range names {
		fi, err := os.Lstat(filepath.Join(dir.Name(), name))
		var m meta
		if err == nil {
			m = metaOf(fi, path.Join(dirPath, name))
		}
		if !see(name, m, err) {
			break
		}
	}
	return nil
}

func statFile(f *os.File, filePath string) (meta, error) {
	fi, err := f.Stat()
	if err != nil {
		return meta{}, err
	}
	return metaOf(fi, filePath), nil
}

func metaOf(fi fs.FileInfo, filePath string) meta {
	h := fnv.New64a()
	h.Write([]byte(filePath))
	mtime := fi.ModTime().UnixNano()
	return meta{
		ident: ident{ino: h.Sum64(), size: fi.Size(), mtime: mtime},
		ctime: mtime,
		mode:  fi.Mode(),
	}
}

func writers(*os.File) leaseState { return leaseUnknown }

func newWatcher() (watcher, error) { return nil, errors.ErrUnsupported }
