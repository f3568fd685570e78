//go:build linux

package fs

import (
	"crypto/sha256"
	"encoding/binary"
	"os"
	"strings"
	"time"

	"bazil.org/fuse"
)

// node is what the kernel is given a number for: a path with the identity of
// what stands there. Equal nodes are the same file with the same bytes.
type node struct {
	path    string
	kind    Kind
	content [32]byte // zero for directories
}

// root is the node of the mount point itself.
var root = node{kind: Dir}

// nodeOf returns the node of an entry found at path.
func nodeOf(path string, e *Entry) node {
	switch {
	case e.Kind == Dir:
		return node{path: path, kind: Dir}
	case e.Kind == Symlink && e.Content == [32]byte{}:
		return node{path, Symlink, sha256.Sum256([]byte(e.Target))}
	case e.Volatile:
		return node{path: path, kind: e.Kind}
	}
	return node{path, e.Kind, e.Content}
}

// inode returns the inode number: 64 bits of SHA-256 over the path, and for
// all but directories the content. The root is 1, as FUSE has it.
func (n node) inode() uint64 {
	if n == root {
		return 1
	}
	b := make([]byte, 0, 320)
	b = append(b, n.path...)
	if n.kind != Dir {
		b = append(b, 0)
		b = append(b, n.content[:]...)
	}
	sum := sha256.Sum256(b)
	if ino := binary.LittleEndian.Uint64(sum[:]); ino > 1 {
		return ino
	}
	return 2 // 0 is no inode and 1 is the root
}

// validity is how long the kernel keeps names and attributes without asking;
// changes are announced (Mountpoint.Changed).
const validity = 24 * time.Hour

// blockSize is st_blksize: what stdio reads at once. It is one BitTorrent
// block, so that looking at the head of a file fetches no more.
const blockSize = 16 << 10

// attr returns the attributes of a node, whose entry is e.
func (f *files) attr(n node, e *Entry) fuse.Attr {
	mtime := sane(e.MTime)
	a := fuse.Attr{
		Valid:     validity,
		Inode:     n.inode(),
		Mtime:     mtime,
		Ctime:     mtime,
		Atime:     mtime,
		Mode:      0o444,
		Nlink:     1, // for directories: find must not count sub-directories by it
		Uid:       f.uid,
		Gid:       f.gid,
		BlockSize: blockSize,
	}
	if e.Volatile {
		a.Valid = 0
	}
	switch n.kind {
	case Dir:
		a.Mode = os.ModeDir | 0o555
	case Symlink:
		a.Mode = os.ModeSymlink | 0o777
		a.Size = uint64(len(e.Target))
	case File:
		if e.Exec {
			a.Mode = 0o555
		}
		a.Size = uint64(max(0, e.Size))
		a.Blocks = blocks(e)
	}
	return a
}

// sane returns t where the library and kernel can show it: nanoseconds in 64
// bits, and whole seconds before 1970.
func sane(t time.Time) time.Time {
	const most = 1<<63/1_000_000_000 - 1
	sec := t.Unix()
	switch {
	case t.IsZero() || sec < -most:
		return time.Unix(0, 0)
	case sec > most:
		return time.Unix(most, 0)
	case sec < 0:
		return time.Unix(sec, 0)
	}
	return t
}

// blocks returns st_blocks in units of 512 bytes: what is held here. A
// non-empty file has at least one, or tar -S would archive zeros unread.
func blocks(e *Entry) uint64 {
	if e.Size <= 0 {
		return 0
	}
	local := min(max(1, e.Local), e.Size)
	return uint64((local + 511) / 512)
}

// child returns the path of name in the directory dir.
func child(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// parent splits a path other than "" into its directory and last component.
func parent(path string) (dir, name string) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path
	}
	return path[:i], path[i+1:]
}

// maxName is the longest name in bytes, as on other filesystems.
const maxName = 255

// validName tells whether the kernel would take name in a listing; it refuses
// the whole listing for one that is not.
func validName(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= maxName &&
		!strings.ContainsAny(name, "/\x00")
}
