package share

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

// errNoDisk is a filesystem that is no more in the share directory.
var errNoDisk = errors.New("share: filesystem is not there any more")

// disks are the filesystems that the share directory reaches over, by device
// number: mostly one, but others may be mounted in it. Safe for concurrent use.
type disks struct {
	open func(path string, flags int) (*os.File, error) // below the share directory

	mu   sync.Mutex
	seen map[uint64]string // a path on each
}

func newDisks(open func(path string, flags int) (*os.File, error)) *disks {
	return &disks{open: open, seen: map[uint64]string{}}
}

// note remembers where a filesystem is.
func (d *disks) note(dev uint64, path string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen[dev] = path
}

// see is note, unless the filesystem is known.
func (d *disks) see(dev uint64, path func() string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.seen[dev]; !ok {
		d.seen[dev] = path()
	}
}

// all are the device numbers noted.
func (d *disks) all() []uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Collect(maps.Keys(d.seen))
}

// sync waits until all that was written to a filesystem is on the device, which
// may take as long as somebody writes to it. errNoDisk if it is gone.
func (d *disks) sync(dev uint64) error {
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
		return fmt.Errorf("share: %w", err)
	}
	return nil
}

// find opens a path on a filesystem: the one that was noted or, as it may be
// gone, a directory above it.
func (d *disks) find(dev uint64, p string) (*os.File, error) {
	for ; ; p = path.Dir(p) {
		f, err := d.open(p, openFlags)
		if err == nil {
			m, err := statFile(f, p)
			if err == nil && m.dev == dev {
				return f, nil
			}
			f.Close()
		} else if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || p == "." && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("share: %w", err) // it is there, and is to be flushed another time
		}
		if p == "." || p == "/" {
			return nil, fmt.Errorf("%w: device %d", errNoDisk, dev)
		}
	}
}
