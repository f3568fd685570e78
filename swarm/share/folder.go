package share

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"p2pfs/swarm/share/inode"
)

// folder is the share directory as it is open. All access goes through os.Root,
// so that no link leads out. Safe for concurrent use.
type folder struct {
	path  string
	root  atomic.Pointer[os.Root]
	disks *inode.Disks // that it reaches over
}

// openFolder opens a directory, after making it if need be.
func openFolder(path string) (*folder, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	f := &folder{path: path}
	f.root.Store(root)
	f.disks = inode.NewDisks(func(path string, flags int) (*os.File, error) { return f.root.Load().OpenFile(path, flags, 0) })
	return f, nil
}

// open opens a regular file: see inode.Open.
func (f *folder) open(path string) (*os.File, inode.Meta, error) {
	return inode.Open(f.root.Load(), path)
}

func (f *folder) openDir(path string) (*os.File, inode.Meta, error) {
	return inode.OpenDir(f.root.Load(), path)
}

func (f *folder) readlink(path string) (string, error) { return f.root.Load().Readlink(path) }

// check opens the directory anew if its path leads to another one by now, or to
// none, which err says.
func (f *folder) check() (changed bool, err error) {
	at, err := os.Stat(f.path)
	have, haveErr := f.root.Load().Stat(".")
	if err == nil && haveErr == nil && os.SameFile(at, have) {
		return false, nil
	}
	if err == nil {
		var root *os.Root
		if root, err = os.OpenRoot(f.path); err == nil {
			f.root.Swap(root).Close()
		}
	}
	return true, err
}

func (f *folder) close() error { return f.root.Load().Close() }

// checkApart refuses directories of which one is inside the other: each save
// of state would be a change to publish.
func checkApart(dir, state string) error {
	var real [2]string
	for i, p := range []string{dir, state} {
		p, err := filepath.EvalSymlinks(p)
		if err != nil {
			return err
		}
		if real[i], err = filepath.Abs(p); err != nil {
			return err
		}
	}
	if inside(real[0], real[1]) || inside(real[1], real[0]) {
		return fmt.Errorf("share directory %q and state directory %q must not contain one another", real[0], real[1])
	}
	return nil
}

// inside reports whether p is dir, or below it.
func inside(p, dir string) bool {
	rel, err := filepath.Rel(dir, p)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
