//go:build !linux

package inode

import (
	"hash/fnv"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

const (
	OpenFlags    = os.O_RDONLY
	OpenDirFlags = os.O_RDONLY
)

func StatAt(dir *os.File, dirPath string, names []string, see func(name string, m Meta, err error) bool) error {
	for _, name := range names {
		fi, err := os.Lstat(filepath.Join(dir.Name(), name))
		var m Meta
		if err == nil {
			m = metaOf(fi, path.Join(dirPath, name))
		}
		if !see(name, m, err) {
			break
		}
	}
	return nil
}

func Stat(f *os.File, filePath string) (Meta, error) {
	fi, err := f.Stat()
	if err != nil {
		return Meta{}, err
	}
	return metaOf(fi, filePath), nil
}

func metaOf(fi fs.FileInfo, filePath string) Meta {
	h := fnv.New64a()
	h.Write([]byte(filePath))
	mtime := fi.ModTime().UnixNano()
	return Meta{
		ID:    ID{Ino: h.Sum64(), Size: fi.Size(), MTime: mtime},
		CTime: mtime,
		Mode:  fi.Mode(),
	}
}

func Writers(*os.File) Writing { return Unknown }
