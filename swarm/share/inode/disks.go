package inode

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"sync"
	"syscall"
)

// ErrNoDisk is a filesystem that is not there any more.
var ErrNoDisk = errors.New("filesystem is not there any more")

// Disks are the filesystems that a directory reaches over, by device
// number: mostly one, but others may be mounted in it. Safe for concurrent use.
type Disks struct {
	open func(path string, flags int) (*os.File, error) // below the directory

	mu   sync.Mutex
	seen map[uint64]string // a path on each
}

// NewDisks begins with none; open opens a path below the directory.
func NewDisks(open func(path string, flags int) (*os.File, error)) *Disks {
	return &Disks{open: open, seen: map[uint64]string{}}
}

// Note remembers where a filesystem is.
func (d *Disks) Note(dev uint64, path string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen[dev] = path
}

// See is Note, unless the filesystem is known.
func (d *Disks) See(dev uint64, path func() string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.seen[dev]; !ok {
		d.seen[dev] = path()
	}
}

// All are the device numbers noted.
func (d *Disks) All() []uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Collect(maps.Keys(d.seen))
}

// Sync waits until all that was written to a filesystem is on the device, which
// may take as long as somebody writes to it. ErrNoDisk if it is gone.
func (d *Disks) Sync(dev uint64) error {
	d.mu.Lock()
	p, ok := d.seen[dev]
	d.mu.Unlock()
	if !ok {
		p = "."
	}
	f, err := d.find(dev, p)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := syncDisk(f); err != nil {
		return err
	}
	return nil
}

// find opens a path on a filesystem: the one that was noted or, as it may be
// gone, a directory above it.
func (d *Disks) find(dev uint64, p string) (*os.File, error) {
	for ; ; p = path.Dir(p) {
		f, err := d.open(p, OpenFlags)
		if err == nil {
			m, err := Stat(f, p)
			if err == nil && m.Dev == dev {
				return f, nil
			}
			f.Close()
		} else if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || p == "." && !errors.Is(err, fs.ErrNotExist) {
			return nil, err // it is there, and is to be flushed another time
		}
		if p == "." || p == "/" {
			return nil, fmt.Errorf("%w: device %d", ErrNoDisk, dev)
		}
	}
}
