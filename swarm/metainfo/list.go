package metainfo

import (
	"errors"

	"p2pfs/swarm/bencode"
)

// listEntry is one element of version 1's "files", found and checked.
type listEntry struct {
	length          int64
	hasLength       bool
	exec, link, pad bool
	path, target    []byte   // values as they stand; nil where the key is absent
	size            pathSize // of path and target together
}

// checkEntries checks every element of a "files" list. It returns how many
// pad files there are, how many others, and the size of all paths.
func checkEntries(list []byte) (files, pads int, size pathSize, err error) {
	err = eachEntry(list, func(e *listEntry) error {
		if e.pad {
			pads++
		} else {
			files++
		}
		if max(files, pads) > MaxFiles {
			return errors.New("too many files")
		}
		err := e.check()
		size.comps += e.size.comps
		size.bytes += e.size.bytes
		return err
	})
	if err == nil && files == 0 {
		err = badInfo("no files")
	}
	return files, pads, size, err
}

// eachEntry calls f with every element of a "files" list. The entry is used
// again for the next.
func eachEntry(files []byte, f func(e *listEntry) error) error {
	n := 0
	c, e := bencode.Walk(files), new(listEntry)
	err := c.List(func() error {
		n++
		if err := e.read(c); err != nil {
			return err
		}
		return f(e)
	})
	if err != nil && !errors.Is(err, ErrInfo) {
		err = badInfo("files, entry %d: %w", n, err)
	}
	return err
}

func (e *listEntry) read(c *bencode.Cursor) error {
	*e = listEntry{}
	var pathUTF8 []byte
	err := c.Dict(func(key []byte) (err error) {
		switch string(key) {
		case "attr":
			var attr []byte
			attr, err = c.Bytes()
			e.exec, e.link, e.pad = attributes(attr)
		case "length":
			e.hasLength = true
			e.length, err = c.Int()
		case "path":
			e.path = c.Raw()
		case "path.utf-8":
			pathUTF8 = c.Raw()
		case "symlink path":
			e.target = c.Raw()
		}
		return err
	})
	if err != nil {
		return err
	}
	if pathUTF8 != nil {
		e.path = pathUTF8
	}
	return nil
}

// check judges the entry, and sets size.
func (e *listEntry) check() error {
	switch {
	case !e.hasLength && !e.link:
		return errors.New("no length")
	case e.length < 0 || e.length > MaxPieces*MaxPieceLength:
		return errLength(e.length)
	case e.pad && e.link:
		return errors.New("a pad file that is a symlink")
	case e.pad: // BEP 47: its path means nothing and may be missing
		return nil
	case e.path == nil:
		return errors.New("no path")
	}
	err := e.measure(e.path)
	if err == nil && e.link {
		switch {
		case e.length != 0:
			err = errors.New("a symlink with a length")
		case e.target == nil:
			err = errors.New("a symlink without a target")
		default:
			err = e.measure(e.target)
		}
	}
	return err
}

// measure checks a path and adds its size.
func (e *listEntry) measure(path []byte) error {
	size, err := measurePath(path)
	e.size.comps += size.comps
	e.size.bytes += size.bytes
	return err
}

type errLength int64

func (n errLength) Error() string { return "length out of range" }

// oneFile reads a version 1 dictionary with "length".
func (r *rawInfo) oneFile(name string) (layout, error) {
	exec, link, pad := attributes(r.attr)
	if link || pad {
		return layout{}, badInfo("the only file is a symlink or pad file")
	}
	if r.length < 0 || r.length > MaxPieces*r.pieceLength {
		return layout{}, badInfo("length %d", r.length)
	}
	return layout{name, true, []File{{Path: []string{name}, Length: r.length, Exec: exec}}}, nil
}

// listFiles reads a version 1 dictionary with "files": once to measure and
// check, once to keep.
func (r *rawInfo) listFiles() ([]File, error) {
	count, pads, size, err := checkEntries(r.files)
	if err != nil {
		return nil, err
	}
	store := newNameStore(size)
	files := make([]File, 0, count+pads)
	var end int64
	err = eachEntry(r.files, func(e *listEntry) error {
		f := File{Length: e.length, Offset: end, Exec: e.exec, Pad: e.pad}
		var err error
		if !e.pad {
			f.Path, err = store.path(e.path)
		}
		if e.link && err == nil {
			f.Symlink, err = store.path(e.target)
		}
		files = append(files, f)
		// Both terms are below 2^46.
		if end += e.length; end > MaxPieces*r.pieceLength {
			return badInfo("more than %d pieces", MaxPieces)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return files, checkClashes(files)
}

// samePath reports whether a list of names as it stands is path.
func samePath(raw []byte, path []string) bool {
	c, i := bencode.Walk(raw), 0
	err := c.List(func() error {
		b, err := c.Bytes()
		if err != nil || i >= len(path) || string(b) != path[i] {
			return errors.New("differs")
		}
		i++
		return nil
	})
	return err == nil && i == len(path)
}
