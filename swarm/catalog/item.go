package catalog

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"p2pfs/swarm/bencode"
	"p2pfs/swarm/names"
)

// Kind is what an entry is.
type Kind uint8

// The kinds of an entry.
const (
	KindFile Kind = iota
	KindDir
	KindSymlink
)

// String returns "file", "dir" or "symlink".
func (k Kind) String() string {
	switch k {
	case KindFile:
		return "file"
	case KindDir:
		return "dir"
	case KindSymlink:
		return "symlink"
	}
	return "kind " + strconv.Itoa(int(k))
}

// MaxSize is the largest file in bytes.
const MaxSize = 1 << 48

// File is one file, symlink or directory that a member publishes. Directories
// need to be given only where they are empty or their mtime matters.
type File struct {
	Path   string // components with '/' between, none in front
	Kind   Kind
	Size   int64     // bytes; of files only
	MTime  time.Time // to the nanosecond; zero: the epoch
	Exec   bool
	Root   Hash     // pieces root (BEP 52); zero for an empty file
	V1     [20]byte // v1 infohash of the file's torrent; zero: none
	Target string   // of a symlink
}

// item is an entry of a directory as its author published it. Comparable.
type item struct {
	name   string
	target string // of a symlink
	size   int64
	mtime  int64    // nanoseconds since the epoch
	root   Hash     // pieces root of a file, object of a directory
	v1     [20]byte // zero: none
	kind   Kind
	exec   bool
}

// sameContent reports whether a and b are the same but for the attributes.
func (a *item) sameContent(b *item) bool {
	return a.kind == b.kind && a.size == b.size && a.root == b.root && a.target == b.target
}

// check returns why it may not stand in a catalogue, nil if it may.
func (it *item) check() error {
	empty := it.size == 0
	switch {
	case !names.Valid(it.name):
		return ErrName
	case it.size < 0 || it.size > MaxSize:
		return fmt.Errorf("size %d", it.size)
	case it.kind == KindFile && empty != (it.root == Hash{}):
		return errors.New("pieces root and size disagree")
	case it.kind == KindFile && empty && it.v1 != [20]byte{}:
		return errors.New("empty file with an infohash")
	case it.kind == KindSymlink && !names.ValidTarget(it.target):
		return errors.New("symlink target")
	}
	return nil
}

// append appends the encoding: a dictionary whose keys tell the kind. c is a
// directory's object; l a symlink's target; s a file's size, with p its pieces
// root, h its v1 infohash and x for executable. m is the mtime, n the name.
func (it *item) append(dst []byte) []byte {
	dst = append(dst, 'd')
	if it.kind == KindDir {
		dst = bencode.AppendString(append(dst, "1:c"...), it.root[:])
	}
	if it.kind == KindFile && it.v1 != [20]byte{} {
		dst = bencode.AppendString(append(dst, "1:h"...), it.v1[:])
	}
	if it.kind == KindSymlink {
		dst = bencode.AppendString(append(dst, "1:l"...), it.target)
	}
	if it.mtime != 0 {
		dst = bencode.AppendInt(append(dst, "1:m"...), it.mtime)
	}
	dst = bencode.AppendString(append(dst, "1:n"...), it.name)
	if it.kind == KindFile {
		if it.size > 0 {
			dst = bencode.AppendString(append(dst, "1:p"...), it.root[:])
		}
		dst = bencode.AppendInt(append(dst, "1:s"...), it.size)
		if it.exec {
			dst = append(dst, "1:xi1e"...)
		}
	}
	return append(dst, 'e')
}

// keysOf gives the keys an entry of a kind may have; the first is its mark.
var keysOf = [...]string{KindFile: "shmnpx", KindDir: "cmn", KindSymlink: "lmn"}

// parse reads an entry and checks it.
func (it *item) parse(c *bencode.Cursor) error {
	var seen [8]byte // an entry has at most six keys
	n := 0
	err := c.Dict(func(key []byte) error {
		if len(key) != 1 || n == len(seen) {
			return fmt.Errorf("entry with key %q", key)
		}
		seen[n] = key[0]
		n++
		return it.parseField(key[0], c)
	})
	if err != nil {
		return err
	}
	allowed := keysOf[it.kind]
	marked := false
	for _, key := range seen[:n] {
		marked = marked || key == allowed[0]
		if strings.IndexByte(allowed, key) < 0 {
			return fmt.Errorf("%v with key %q", it.kind, key)
		}
	}
	if !marked {
		return errors.New("entry without a kind")
	}
	return it.check()
}

func (it *item) parseField(key byte, c *bencode.Cursor) (err error) {
	switch key {
	case 'c':
		it.kind = KindDir
		err = parseFixed(it.root[:], c)
	case 'l':
		it.kind = KindSymlink
		it.target, err = parseString(c)
	case 'n':
		it.name, err = parseString(c)
	case 'p':
		err = parseFixed(it.root[:], c)
	case 'h':
		err = parseFixed(it.v1[:], c)
	case 's':
		it.size, err = c.Int()
	case 'm':
		it.mtime, err = c.Int()
		if err == nil && it.mtime == 0 {
			err = errors.New("mtime of zero written out")
		}
	case 'x':
		err = it.parseExec(c)
	default:
		err = fmt.Errorf("entry with key %q", key)
	}
	return err
}

func (it *item) parseExec(c *bencode.Cursor) error {
	n, err := c.Int()
	if err == nil && n != 1 {
		err = fmt.Errorf("x of %d", n)
	}
	it.exec = true
	return err
}

func parseString(c *bencode.Cursor) (string, error) {
	b, err := c.Bytes()
	return string(b), err
}

// parseFixed reads a string of dst's length that is not all zeros.
func parseFixed(dst []byte, c *bencode.Cursor) error {
	b, err := c.Bytes()
	if err != nil {
		return err
	}
	if len(b) != len(dst) {
		return fmt.Errorf("hash of %d bytes", len(b))
	}
	copy(dst, b)
	for _, x := range b {
		if x != 0 {
			return nil
		}
	}
	return errors.New("hash of zeros")
}
