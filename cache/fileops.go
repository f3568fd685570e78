package cache

import (
	"io"
	"io/fs"
	"os"
	"time"

	"p2pfs/swarm/durable"
)

// info is what the store wants to know of a file.
type info struct {
	size    int64
	alloc   int64 // bytes allocated on the device
	mtime   int64 // Unix nanoseconds
	ctime   int64 // Unix nanoseconds; 0 where there is none
	atime   int64 // Unix nanoseconds
	ino     uint64
	regular bool
	linked  bool // still has a name
}

// same reports whether a and b are the same file with the same content, as
// far as that shows without reading it. Who puts the mtime back moves the
// ctime, which is compared apart from this: so do we, by noting the last use.
func (a info) same(b info) bool {
	return a.size == b.size && a.mtime == b.mtime && a.ino == b.ino
}

// file is an open file of a directory.
type file interface {
	io.ReaderAt
	// WriteBlocks writes blocks at off, as many as one call can take,
	// and returns the number of bytes written.
	WriteBlocks(blocks [][]byte, off int64) (int, error)
	// Info does not allocate.
	Info() (info, error)
	Sync() error // waits until it is on the device
	Close() error
}

// directory is every call that the store makes on its directory. Names are
// slash separated below it; no call follows a link at a name's end, but Open,
// which follows it within the directory. The tests put faults in between.
type directory interface {
	Open(name string) (file, error)
	Create(name string) (file, error) // fails where the name exists
	Rename(from, to string) error
	Remove(name string) error // a file, not a directory
	Mkdir(name string) error
	Lstat(name string) (info, fs.FileMode, error)
	// List returns the names in a directory with what Lstat says of each;
	// nothing when name is no directory.
	List(name string) ([]listed, error)
	Touch(name string, atime time.Time) error
	// Free returns the bytes that may still be written, and those of the
	// whole file system; ok is false where that cannot be known.
	Free() (free, total int64, ok bool)
	// Sync waits until all that was written is on the device, SyncNames
	// until the names at the top are.
	Sync() error
	SyncNames() error
	// Gone reports that the directory is no longer found under its path.
	Gone() bool
	Close() error
}

type listed struct {
	name string
	info info
	mode fs.FileMode
}

// osDir is the directory on the real file system.
type osDir struct {
	path string
	root *os.Root
	lock *os.File // the directory itself, which bears the lock
}

// openDir creates the directory at path if need be and locks it.
func openDir(path string) (directory, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	lock, err := root.Open(".")
	if err != nil {
		root.Close()
		return nil, err
	}
	d := &osDir{path: path, root: root, lock: lock}
	if err := lockFile(lock); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

func (d *osDir) Open(name string) (file, error) {
	f, err := d.root.OpenFile(name, os.O_RDONLY|openNonblock, 0)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (d *osDir) Create(name string) (file, error) {
	f, err := d.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (d *osDir) Rename(from, to string) error { return d.root.Rename(from, to) }
func (d *osDir) Remove(name string) error     { return d.root.Remove(name) }
func (d *osDir) Mkdir(name string) error      { return d.root.Mkdir(name, 0o700) }

func (d *osDir) Lstat(name string) (info, fs.FileMode, error) {
	fi, err := d.root.Lstat(name)
	if err != nil {
		return info{}, 0, err
	}
	return infoOf(fi), fi.Mode(), nil
}

func (d *osDir) List(name string) ([]listed, error) {
	if _, mode, err := d.Lstat(name); err != nil || !mode.IsDir() {
		return nil, err
	}
	sub, err := d.root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	defer sub.Close()
	f, err := sub.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	list := make([]listed, 0, len(names))
	for _, n := range names {
		if fi, err := sub.Lstat(n); err == nil {
			list = append(list, listed{n, infoOf(fi), fi.Mode()})
		}
	}
	return list, err
}

func (d *osDir) Touch(name string, atime time.Time) error {
	return d.root.Chtimes(name, atime, time.Time{})
}

func (d *osDir) Free() (free, total int64, ok bool) { return freeBytes(d.lock) }

func (d *osDir) Sync() error { return syncAll(d.lock) }

func (d *osDir) SyncNames() error { return durable.SyncDir(d.path) }

func (d *osDir) Gone() bool {
	here, err := d.lock.Stat()
	if err != nil {
		return true
	}
	there, err := os.Stat(d.path)
	return err != nil || !os.SameFile(here, there)
}

func (d *osDir) Close() error {
	err := d.lock.Close()
	if err1 := d.root.Close(); err == nil {
		err = err1
	}
	return err
}

// osFile is a file on the real file system.
type osFile struct{ f *os.File }

func (f osFile) Close() error { return f.f.Close() }

func (f osFile) Sync() error { return f.f.Sync() }

func (f osFile) ReadAt(p []byte, off int64) (int, error) { return f.f.ReadAt(p, off) }
