// Package published is the set of files, links and directories that a share
// directory shows to others: found by path, contents and infohash, and changed
// in steps that are each seen whole.
//
// A Set may be read from anywhere, and no reader waits for more than map
// operations. Changes are collected in a Ledger, which belongs to one goroutine,
// and come into the Set all at once, by Publish; a Delta is what is different
// then, to others. Nothing here costs more for a change because the set is
// large. The package opens no files and knows no time but what it is told.
package published

import (
	"math"
	"sync/atomic"
	"time"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/share/inode"
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

// Doubted is a change time that no file has: none of its bytes are known to be
// right.
const Doubted = math.MinInt64

// Entry is a published File as it is kept, with what it takes to serve it.
// Immutable but for CTime.
type Entry struct {
	Dir, Name string   // the path; entries of a directory share Dir, which is "" at the top
	target    *string  // of a Symlink
	ID        inode.ID // of a Regular; of others only MTime
	Root      metainfo.Hash256
	V1        metainfo.Hash
	V2        metainfo.Hash // short infohash of the version 2 torrent
	Kind      Kind
	Exec      bool

	// CTime is the change time under which the file's bytes are known to
	// fit the hashes: under another one each piece is verified before it
	// is served.
	CTime atomic.Int64
}

// NewDir returns the entry of a directory.
func NewDir(dir, name string, mtime int64) *Entry {
	return &Entry{Dir: dir, Name: name, Kind: Dir, ID: inode.ID{MTime: mtime}}
}

// NewSymlink returns the entry of a link.
func NewSymlink(dir, name, target string, mtime int64) *Entry {
	return &Entry{Dir: dir, Name: name, Kind: Symlink, target: &target, ID: inode.ID{MTime: mtime}}
}

// WithExec returns a copy that may be executed, or not.
func (e *Entry) WithExec(exec bool) *Entry {
	c := &Entry{Dir: e.Dir, Name: e.Name, ID: e.ID, Root: e.Root, V1: e.V1, V2: e.V2, Kind: e.Kind, Exec: exec}
	c.CTime.Store(e.CTime.Load())
	return c
}

// Path is where it is, below the share directory.
func (e *Entry) Path() string { return Join(e.Dir, e.Name) }

// Join is a path below the share directory, whose own is "".
func Join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// Split is the reverse of Join.
func Split(path string) (dir, name string) {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '/' {
			return path[:i], path[i+1:]
		}
	}
	return "", path
}

// File is what others see of it.
func (e *Entry) File() File {
	return File{
		Path: e.Path(), Target: e.linkTarget(), Size: e.ID.Size, MTime: time.Unix(0, e.ID.MTime),
		Root: e.Root, V1: e.V1, Kind: e.Kind, Exec: e.Exec,
	}
}

func (e *Entry) linkTarget() string {
	if e.target == nil {
		return ""
	}
	return *e.target
}

// Content names its bytes.
func (e *Entry) Content() metainfo.Content {
	return metainfo.Content{Root: e.Root, Size: e.ID.Size}
}

// Hashed reports whether it has contents to serve.
func (e *Entry) Hashed() bool { return e.Kind == Regular && e.ID.Size > 0 }
