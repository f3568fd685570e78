package share

import (
	"io/fs"
	"math"
	"sync/atomic"
	"time"

	"p2pfs/swarm/metainfo"
)

// Kind tells what a published path is.
type Kind uint8

// The kinds of a File. Sockets, devices and FIFOs are never published.
const (
	Regular Kind = iota // a regular file
	Symlink             // a symbolic link that stays inside the share directory
	Dir                 // a directory
)

// String returns the kind as a word.
func (k Kind) String() string {
	switch k {
	case Regular:
		return "file"
	case Symlink:
		return "symlink"
	case Dir:
		return "directory"
	}
	return "unknown"
}

// File is one published path. Two Files are equal (==) if nothing that is
// published about the path differs.
type File struct {
	Path   string           // slash separated, below the share directory; the bytes of the names
	Target string           // of a Symlink: as it was made; relative, never leaves the share directory
	Size   int64            // bytes; 0 for anything but a Regular
	MTime  time.Time        // of a Dir: when its set of published names last changed
	Root   metainfo.Hash256 // pieces root (BEP 52); zero for empty files and for what is no Regular
	V1     metainfo.Hash    // infohash of the version 1 torrent; zero where Root is
	Kind   Kind
	Exec   bool // the owner may execute it
}

// Content names the file's bytes.
func (f *File) Content() metainfo.Content { return metainfo.Content{Root: f.Root, Size: f.Size} }

// Version says which of a file's two torrents is meant.
type Version uint8

// The two torrents of a file: DESIGN calls them the v1 and the v2 one. They
// have the same pieces.
const (
	V1 Version = 1 // BEP 3
	V2 Version = 2 // BEP 52
)

// ident is what a hash result is filed under: the same ident means the same
// content, unless somebody put the modification time back (see entry.ctime).
type ident struct {
	dev, ino    uint64
	size, mtime int64 // bytes; nanoseconds since 1970
}

// meta is what a stat tells about a path or an open file.
type meta struct {
	ident
	ctime int64 // nanoseconds since 1970; nobody can set it at will
	mode  fs.FileMode
}

// entry is a published File and what it takes to serve it. Immutable but for
// ctime.
type entry struct {
	File
	id ident
	v2 metainfo.Hash // short infohash of the version 2 torrent

	// ctime is the change time under which the file's bytes are known to
	// fit the hashes: under another one each piece is verified before it
	// is served.
	ctime atomic.Int64
}

// doubted is a change time that no file has: none of its bytes are known to be
// right.
const doubted = math.MinInt64

func (e *entry) hashed() bool { return e.Kind == Regular && e.Size > 0 }
