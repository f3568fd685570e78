// Package durable writes files that are there whole after a power cut, or as
// they were before.
//
// A file is written aside, flushed, renamed into place, and then the directory
// is flushed, which is what keeps the name. POSIX promises nothing of a rename
// without either: ext4 and xfs leave an empty file, or none.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
)

// WriteFile puts data into the file at path, in place of what was there, and
// waits for the disk. After an error the old file is there as it was. A new file
// has mode perm less the umask.
func WriteFile(path string, data []byte, perm fs.FileMode) error {
	tmp, err := beside(path, data, perm)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		os.Remove(tmp)
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// CreateFile is WriteFile for a file that must not be there yet. The error is
// fs.ErrExist, wrapped, if it is. On a filesystem without hard links it wraps
// errors.ErrUnsupported.
func CreateFile(path string, data []byte, perm fs.FileMode) error {
	tmp, err := beside(path, data, perm)
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	err = os.Link(tmp, path)
	switch {
	case errors.Is(err, fs.ErrExist):
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	return SyncDir(filepath.Dir(path))
}

// beside writes data to a new file in the directory of path, down to the disk,
// and returns its name.
func beside(path string, data []byte, perm fs.FileMode) (tmp string, err error) {
	tmp = filepath.Join(filepath.Dir(path), fmt.Sprintf(".p2pfs-%016x", rand.Uint64()))
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(tmp)
		return "", err
	}
	return tmp, nil
}

// SyncDir flushes a directory: names that were made, moved and removed in it.
// Where a filesystem cannot do that nothing is done.
func SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

// Blank reports whether a file's content is what a power cut leaves of one that
// was not written durably: nothing, or zeros.
func Blank(data []byte) bool {
	for _, b := range data {
		if b != 0 {
			return false
		}
	}
	return true
}
