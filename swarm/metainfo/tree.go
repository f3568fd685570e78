package metainfo

import (
	"errors"
	"fmt"
	"unsafe"

	"p2pfs/swarm/bencode"
)

// leaf is the description of a file in version 2's "file tree".
type leaf struct {
	length     int64
	root       Hash256
	exec, link bool
	target     []byte // value as it stands
}

// treeWalk goes through a "file tree" and checks it. Its recursion is as deep
// as paths may be.
type treeWalk struct {
	c     *bencode.Cursor
	leaf  leaf                // the last file's
	size  pathSize            // of the path to here
	enter func(name []byte)   // a path grows
	leave func()              // and shrinks
	file  func(l *leaf) error // a file is at the path
	top   int                 // entries of the root
	all   int                 // entries of all directories
	flat  bool                // a file is in the root
}

// dir reads a dictionary of names.
func (w *treeWalk) dir() error {
	return w.c.Dict(func(name []byte) error {
		if len(name) == 0 {
			return errors.New("a directory with a file's description")
		}
		return w.entry(name)
	})
}

func (w *treeWalk) entry(name []byte) error {
	old := w.size
	if err := w.size.add(name); err != nil {
		return err
	}
	if w.all++; w.all > 2*MaxFiles { // directories too, which may be empty
		return errors.New("too many files and directories")
	}
	if old.comps == 0 {
		w.top++
	}
	w.enter(name)
	isFile := false
	err := w.c.Dict(func(name []byte) error {
		if isFile {
			return errors.New("a file that is a directory too")
		}
		if len(name) > 0 {
			return w.entry(name)
		}
		isFile = true
		w.flat = w.flat || old.comps == 0
		if err := w.leaf.read(w.c); err != nil {
			return err
		}
		return w.file(&w.leaf)
	})
	w.leave()
	w.size = old
	return err
}

func (l *leaf) read(c *bencode.Cursor) error {
	*l = leaf{length: -1}
	var pad bool
	err := c.Dict(func(key []byte) (err error) {
		var b []byte
		switch string(key) {
		case "attr":
			b, err = c.Bytes()
			l.exec, l.link, pad = attributes(b)
		case "length":
			if l.length, err = c.Int(); err == nil && l.length < 0 {
				err = errLength(l.length)
			}
		case "pieces root":
			if b, err = c.Bytes(); err == nil && len(b) != len(l.root) {
				return fmt.Errorf("pieces root of %d bytes", len(b))
			}
			copy(l.root[:], b)
		case "symlink path":
			l.target = c.Raw()
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case pad:
		return errors.New("a pad file in the file tree")
	case l.link && l.length < 0:
		l.length = 0
	case l.length < 0 || l.length > MaxPieces*MaxPieceLength:
		return errLength(l.length)
	}
	return l.check()
}

func (l *leaf) check() error {
	if (l.length > 0) == l.root.IsZero() {
		return errors.New("pieces root and length need each other")
	}
	if !l.link {
		return nil
	}
	if l.length > 0 || l.target == nil {
		return errors.New("a symlink with a length or without a target")
	}
	_, err := measurePath(l.target)
	return err
}

// treeFiles reads "file tree": once to measure and check, once to keep.
func (r *rawInfo) treeFiles(name string) (c layout, err error) {
	var n int
	var total pathSize // all paths, each name once
	w := treeWalk{c: bencode.Walk(r.fileTree), leave: func() {}}
	w.enter = func(name []byte) { total.bytes += len(name) }
	w.file = func(l *leaf) error {
		if n++; n > MaxFiles {
			return errors.New("too many files")
		}
		total.comps += w.size.comps
		if l.link {
			size, err := measurePath(l.target)
			total.comps += size.comps
			total.bytes += size.bytes
			return err
		}
		return nil
	}
	if err := w.dir(); err != nil {
		return c, badInfo("file tree: %w", err)
	}
	if n == 0 {
		return c, badInfo("no files")
	}
	// A deep directory is written once but stands in the path of each of its
	// files: refuse what would grow out of proportion.
	need := n*int(unsafe.Sizeof(File{})) + total.comps*int(unsafe.Sizeof(""))
	if need > 6*r.size+1<<20 {
		return c, badInfo("paths of %d components in %d bytes", total.comps, r.size)
	}
	c.name, c.single = name, w.top == 1 && w.flat && r.files == nil
	if c.files, err = r.keepTree(n, newNameStore(total)); err != nil || !c.single {
		return c, err
	}
	if c.files[0].Symlink != nil {
		return c, badInfo("the only file is a symlink")
	}
	c.name = c.files[0].Path[0]
	return c, nil
}

func (r *rawInfo) keepTree(n int, store *nameStore) ([]File, error) {
	files := make([]File, 0, n)
	var path []string
	var end int64
	w := treeWalk{c: bencode.Walk(r.fileTree)}
	w.enter = func(name []byte) { path = append(path, store.name(name)) }
	w.leave = func() { path = path[:len(path)-1] }
	w.file = func(l *leaf) (err error) {
		if l.length > 0 {
			end = ceilDiv(end, r.pieceLength) * r.pieceLength
		}
		f := File{Path: store.join(path), Length: l.length, Offset: end, Root: l.root, Exec: l.exec}
		if l.link {
			f.Symlink, err = store.path(l.target)
		}
		files = append(files, f)
		// Both terms are below 2^47.
		if end += l.length; end > MaxPieces*r.pieceLength {
			return fmt.Errorf("more than %d pieces", MaxPieces)
		}
		return err
	}
	if err := w.dir(); err != nil {
		return nil, badInfo("file tree: %w", err)
	}
	return files, nil
}
