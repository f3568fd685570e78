// Package inode asks the kernel about files: what they are, whether anybody
// writes to them, and to have them on disk.
//
// It knows files that are open, or names in a directory that is, and never
// follows a path of several names or a link. Elsewhere than on Linux a file is
// known by its path, nobody tells of writers, and nothing is flushed. All is
// safe for concurrent use.
package inode

import (
	"io/fs"
	"time"
)

// ID is what a file's contents are known by: the same ID means the same bytes,
// unless somebody put the modification time back, which moves Meta.CTime.
type ID struct {
	Dev, Ino    uint64
	Size, MTime int64 // bytes; nanoseconds since 1970
}

// Same reports whether both are of one inode, whatever it holds.
func Same(a, b ID) bool { return a.Dev == b.Dev && a.Ino == b.Ino }

// Meta is what a stat tells about a name or an open file.
type Meta struct {
	ID
	CTime int64 // nanoseconds since 1970; nobody can set it at will
	Mode  fs.FileMode
}

// Executable reports whether the owner may execute it.
func (m Meta) Executable() bool { return m.Mode&0o100 != 0 }

// Writing says whether anybody has a file open for writing.
type Writing uint8

// The answers of Writers.
const (
	Unknown Writing = iota // the filesystem, or our rights, do not tell
	Free                   // nobody has
	Busy                   // somebody has
)

// IsDir reports whether it is a directory.
func (m Meta) IsDir() bool { return m.Mode.IsDir() }

func (m Meta) isRegular() bool { return m.Mode.IsRegular() }

// granularity is within what two changes of a file may bear the same time, as
// the kernel's clock for them ticks no faster.
const granularity = 25 * time.Millisecond

// Young returns how long it takes until a change at ctime is old enough to be
// told from one that comes right behind it, 0 if it is. Times are the clock's;
// one ahead of it was set by somebody, and any write will change it.
func Young(ctime int64, now time.Time) time.Duration {
	if age := now.Sub(time.Unix(0, ctime)); age >= 0 && age < granularity {
		return granularity - age
	}
	return 0
}
