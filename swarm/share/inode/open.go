package inode

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// ErrStale is a file, or directory, that is not what was found under its path
// before.
var ErrStale = errors.New("changed meanwhile")

// Open opens a path below root without following a link at its end, waiting
// for nobody, and makes sure that it is a regular file: else it is ErrStale.
func Open(root *os.Root, path string) (*os.File, Meta, error) {
	return open(root, path, OpenFlags, Meta.isRegular)
}

// OpenDir is Open for a directory; "" is root itself.
func OpenDir(root *os.Root, path string) (*os.File, Meta, error) {
	if path == "" {
		path = "."
	}
	return open(root, path, OpenDirFlags, Meta.IsDir)
}

func open(root *os.Root, path string, flags int, is func(Meta) bool) (*os.File, Meta, error) {
	f, err := root.OpenFile(path, flags, 0)
	if err != nil {
		return nil, Meta{}, err
	}
	m, err := Stat(f, path)
	if err == nil && !is(m) {
		err = ErrStale
	}
	if err != nil {
		f.Close()
		return nil, Meta{}, err
	}
	return f, m, nil
}

// Missing reports whether err means that there is no such path (any more).
func Missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP)
}
