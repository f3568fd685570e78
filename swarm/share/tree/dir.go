package tree

import (
	"p2pfs/swarm/share/ignore"
	"p2pfs/swarm/share/inode"
	"p2pfs/swarm/share/published"
	"p2pfs/swarm/share/watch"
)

// Dir is a directory that is looked into.
type Dir struct {
	Up    *Dir // nil for the share directory
	Name  string
	Path  string     // below the share directory, "" for it
	Depth int        // names in Path
	At    inode.Meta // when it was last open
	Watch int32      // watch.None: there is none

	Rules      *ignore.Rules // in force here
	RulesAbove *ignore.Rules // in force above when Rules were made
	RulesFile  inode.Meta    // of the file that made them; zero: there is none
	Warned     bool          // about an error in reading it

	gen    uint32 // of the look that last saw it
	queued bool   // in Work
	dirs   map[string]*Dir
	files  map[string]*File
	out    map[string]leftOut
	pub    *published.Entry // nil for the share directory
}

// File is a regular file or a link. One that is neither published nor waits
// cannot be published as it is.
type File struct {
	Dir  *Dir
	Name string
	Meta inode.Meta
	Pub  *published.Entry // as published, or about to be

	gen uint32
}

// Path is where it is, below the share directory.
func (f *File) Path() string { return published.Join(f.Dir.Path, f.Name) }

// Stat is what was last seen of it.
func (f *File) Stat() inode.Meta { return f.Meta }

// leftOut is a name that is not published.
type leftOut struct {
	gen uint32
	why Reason
}

// Reason says why a name is not published.
type Reason uint8

// The reasons there are.
const (
	Ignored    Reason = iota // by name, or by an ignore file
	BadName                  // not UTF-8, or too long
	TooDeep                  // below MaxDepth
	NotRegular               // a socket, device or FIFO
	LinkLeaves               // a link that is absolute or leaves the share directory
	Unreadable               // lstat or readlink failed
)

// String is the reason in words.
func (r Reason) String() string {
	return [...]string{
		"ignored", "its name is not UTF-8 of at most 255 bytes", "it is too deep",
		"it is no regular file", "it leads out of the share directory", "it cannot be read",
	}[r]
}

func newDir(up *Dir, name string) *Dir {
	d := &Dir{Up: up, Name: name, Watch: watch.None}
	if up != nil {
		d.Path = published.Join(up.Path, name)
		d.Depth = up.Depth + 1
		d.Rules = up.Rules
	}
	return d
}

// File returns the file or link of that name, nil if there is none.
func (d *Dir) File(name string) *File { return d.files[name] }

func (d *Dir) each(f func(*File)) {
	for _, file := range d.files {
		f(file)
	}
	for _, sub := range d.dirs {
		sub.each(f)
	}
}
