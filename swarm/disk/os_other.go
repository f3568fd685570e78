//go:build !linux

package disk

import (
	"io/fs"
	"os"
)

const openNonblock = 0

// pwritev writes the first of blocks at off.
func pwritev(f *os.File, blocks [][]byte, off int64) (int, error) {
	return f.WriteAt(blocks[0], off)
}

// preadCached does not know what is in memory here.
func preadCached(*os.File, []byte, int64) int { return 0 }

// identify does not know inodes here, nor whether the file still has a name.
func identify(f *os.File) (id ident, linked bool, err error) {
	fi, err := f.Stat()
	if err != nil {
		return ident{}, false, err
	}
	return identOf(fi), true, nil
}

func identOf(fi fs.FileInfo) ident {
	return ident{size: fi.Size(), mtime: fi.ModTime().UnixNano()}
}

// isHole does not know of holes here.
func isHole(*os.File, int64, int64) bool { return false }

// bootID is not known here: files written shortly before are hashed again.
func bootID() string { return "" }
