// Package fs shows a Tree of read-only files as a directory, through FUSE.
//
// A Tree answers from memory what exists; a Content answers reads, and may
// block for as long as its bytes need to arrive. The package turns both into a
// mount that cannot wedge: a read whose process gets a signal ends at once, a
// blocked read delays no other request, and closing the mount fails what still
// waits before it unmounts.
//
// What is relied on:
//
//   - The bytes of one (path, content identity) pair never change. They are one
//     node and one inode number; the kernel may keep its pages for ever. Other
//     content under the same path is another node.
//   - The kernel keeps names and attributes for hours, so every change of the
//     Tree has to be announced with Mountpoint.Changed, after it can be seen
//     through the Tree.
//
// The process that mounts must not map files of its own mount (mmap): a page
// fault holds up the Go runtime, which has to answer it. Opening and reading
// them is fine.
//
// All methods of Mountpoint are safe for concurrent use, and a Tree is called
// from many goroutines at once. Only Linux can mount; elsewhere the package
// builds and Mount says so.
package fs

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Kind tells files, directories and symbolic links apart.
type Kind uint8

// The kinds of an Entry.
const (
	File Kind = iota
	Dir
	Symlink
)

// Entry describes one name of a Tree.
type Entry struct {
	Name   string // last component of the path; "" for the root
	Kind   Kind
	Size   int64 // bytes; of files only
	MTime  time.Time
	Exec   bool   // shown as mode 0555 in place of 0444
	Target string // of symbolic links only

	// Content identifies the bytes of a file: entries of one path with equal
	// Content have equal bytes, for ever. Of no meaning for directories.
	Content [32]byte

	// Local is how many bytes of the file are held on this machine; st_blocks
	// is counted from it.
	Local int64

	// Hidden entries are found by Lookup and left out of listings.
	Hidden bool

	// Volatile files are made when they are opened (a status text): nothing of
	// them is cached, Size may be 0 or wrong, and ReadAt ends them with io.EOF.
	Volatile bool
}

// Tree is what a mount shows. Paths are slash separated without a leading
// slash ("a/b"); the root is "". Names are bytes without '/' and NUL, neither
// "." nor ".."; at most 255 bytes. No method may wait for the network, but
// Lookup and ReadDir of a directory that was never seen before may wait as
// long as they heed ctx.
//
// Errors become the errno of the calling process: io/fs.ErrNotExist ENOENT,
// ErrAgain EAGAIN, ErrStale ESTALE, everything else EIO.
type Tree interface {
	// Lookup describes what stands at path; "" is a directory.
	Lookup(ctx context.Context, path string) (Entry, error)
	// ReadDir lists a directory, sorted by name, without hidden entries. The
	// slice is only read, and may be shared between calls.
	ReadDir(ctx context.Context, path string) ([]Entry, error)
	// Open opens the version of the file at path whose Entry.Content is
	// content. ErrStale says that path holds another version now: the kernel
	// then looks the path up anew and tries once more. For volatile files
	// content is zero.
	Open(ctx context.Context, path string, content [32]byte) (Content, error)
	// Xattrs names the extended attributes of path.
	Xattrs(ctx context.Context, path string) ([]string, error)
	// Xattr returns the value of one; io/fs.ErrNotExist when there is no such
	// attribute. Only names that begin with "user." are asked for.
	Xattr(ctx context.Context, path, name string) (string, error)
	// StatFS tells what df shows.
	StatFS() Usage
}

// Content is an open file.
type Content interface {
	// ReadAt fills p from off, or returns why it cannot. Fewer bytes come only
	// with io.EOF at the end of the file. It is called concurrently, and heeds
	// ctx: p may not be touched after it returned. PID(ctx) tells who reads.
	ReadAt(ctx context.Context, p []byte, off int64) (int, error)
	// Close is called once, when no ReadAt runs or will be called.
	Close() error
}

// Resident is what a Content may be, too, that has bytes in memory.
type Resident interface {
	// Lend returns n bytes from off as parts of memory, without waiting for
	// anything, or reports false. They do not change before release is called,
	// which is once.
	Lend(off int64, n int) (parts [][]byte, release func(), ok bool)
}

// Usage is the space that a mount has; df and statfs show it.
type Usage struct {
	Total int64 // bytes
	Free  int64 // bytes
	Files int64 // names in the tree, 0 when not counted
}

// ErrAgain makes a request fail with EAGAIN: not now, for this caller.
var ErrAgain = errors.New("not served to this process")

// ErrStale makes a request fail with ESTALE; see Tree.Open.
var ErrStale = errors.New("content was replaced")

// ChangeKind says what Mountpoint.Changed is about.
type ChangeKind uint8

const (
	// ChangeEntry is a name that was added, removed or given other content.
	ChangeEntry ChangeKind = iota
	// ChangeAttr is a change of size on disk, mtime or mode alone.
	ChangeAttr
	// ChangeTree is any change at a path or below it.
	ChangeTree
)

// Config says what to mount where. Dir and Tree are required.
type Config struct {
	Dir        string // an empty directory
	Tree       Tree
	AllowOther bool          // other users may enter too
	FSName     string        // first column of /proc/mounts; "" is mounting.Subtype
	Log        *slog.Logger  // nil means silence
	Grace      time.Duration // how long Close waits for a busy mount before it detaches it; 0 means 1s
}

// Stats counts what a mount has done.
type Stats struct {
	Requests  int64 // from the kernel
	Reads     int64 // of file data
	ReadBytes int64
	Waiting   int64 // reads being answered just now
	Panics    int64 // requests that ended in a panic
}

type pidKey struct{}

// PID returns the process whose request ctx belongs to, 0 when there is none
// (kernel work without a process, another PID namespace).
func PID(ctx context.Context) int {
	pid, _ := ctx.Value(pidKey{}).(int)
	return pid
}
