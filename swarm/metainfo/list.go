package metainfo

import (
	"bytes"
	"errors"

	"p2pfs/swarm/bencode"
)

// listEntry is one element of version 1's "files", found and checked. Its
// cursors stand in front of lists; nil where the key is absent.
type listEntry struct {
	length          int64
	exec, link, pad bool
	path, target    *bencode.Cursor
	size            pathSize // of path and target together
}

// eachEntry calls f for every element of a "files" list.
func eachEntry(files bencode.Cursor, f func(e *listEntry) error) error {
	n, pads := 0, 0
	err := files.List(func() error {
		n++
		e, err := readEntry(&files)
		if err != nil {
			return err
		}
		if e.pad {
			pads++
		}
		if n-pads > MaxFiles || pads > MaxFiles {
			return errors.New("too many files")
		}
		return f(e)
	})
	if err == nil && n == 0 {
		err = errors.New("no files")
	}
	if err != nil && !errors.Is(err, ErrInfo) {
		err = badInfo("files, entry %d: %w", n, err)
	}
	return err
}

func readEntry(c *bencode.Cursor) (*listEntry, error) {
	e := &listEntry{}
	var hasLength bool
	var pathUTF8 *bencode.Cursor
	err := c.Dict(func(key []byte) (err error) {
		switch string(key) {
		case "attr":
			var attr []byte
			attr, err = c.Bytes()
			e.exec, e.link, e.pad = attributes(attr)
		case "length":
			hasLength = true
			e.length, err = c.Int()
		case "path":
			e.path = c.Sub()
		case "path.utf-8":
			pathUTF8 = c.Sub()
		case "symlink path":
			e.target = c.Sub()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if pathUTF8 != nil {
		e.path = pathUTF8
	}
	return e, e.check(hasLength)
}

func (e *listEntry) check(hasLength bool) error {
	switch {
	case !hasLength && !e.link:
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

// measure checks a path and adds its size. The cursor stays where it is.
func (e *listEntry) measure(c *bencode.Cursor) error {
	walk := *c
	size, err := measurePath(&walk)
	e.size.comps += size.comps
	e.size.bytes += size.bytes
	return err
}

type errLength int64

func (n errLength) Error() string { return "length out of range" }

// oneFile reads a version 1 dictionary with "length".
func (in *Info) oneFile(r *rawInfo) error {
	exec, link, pad := attributes(r.attr)
	if link || pad {
		return badInfo("the only file is a symlink or pad file")
	}
	if r.length < 0 || r.length > MaxPieces*in.PieceLength {
		return badInfo("length %d", r.length)
	}
	in.Single = true
	in.Files = []File{{Path: []string{in.Name}, Length: r.length, Exec: exec}}
	return nil
}

// listFiles reads a version 1 dictionary with "files": once to measure and
// check, once to keep.
func (in *Info) listFiles(r *rawInfo) error {
	var n int
	var size pathSize
	err := eachEntry(*r.files, func(e *listEntry) error {
		n++
		size.comps += e.size.comps
		size.bytes += e.size.bytes
		return nil
	})
	if err != nil {
		return err
	}
	names := newNameStore(size)
	in.Files = make([]File, 0, n)
	var end int64
	err = eachEntry(*r.files, func(e *listEntry) error {
		f := File{Length: e.length, Offset: end, Exec: e.exec, Pad: e.pad}
		var err error
		if !e.pad {
			f.Path, err = names.path(e.path)
		}
		if e.link && err == nil {
			f.Symlink, err = names.path(e.target)
		}
		in.Files = append(in.Files, f)
		// Both terms are below 2^46.
		if end += e.length; end > MaxPieces*in.PieceLength {
			return badInfo("more than %d pieces", MaxPieces)
		}
		return err
	})
	if err != nil {
		return err
	}
	return checkClashes(in.Files)
}

// samePath reports whether the list of names at c is path.
func samePath(c bencode.Cursor, path []string) bool {
	i := 0
	err := c.List(func() error {
		b, err := c.Bytes()
		if err != nil || i >= len(path) || !bytes.Equal(b, []byte(path[i])) {
			return errors.New("differs")
		}
		i++
		return nil
	})
	return err == nil && i == len(path)
}
