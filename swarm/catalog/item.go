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

// Item is an entry of a directory as its author published it. Comparable.
type Item struct {
	Name   string
	Target string // of a symlink
	Size   int64
	MTime  int64    // nanoseconds since the epoch
	Root   Hash     // pieces root of a file, object of a directory
	V1     [20]byte // zero: none
	Kind   Kind
	Exec   bool
}

// SameContent reports whether a and b are the same but for the attributes.
func (a *Item) SameContent(b *Item) bool {
	return a.Kind == b.Kind && a.Size == b.Size && a.Root == b.Root && a.Target == b.Target
}

// Check returns why it may not stand in a catalogue, nil if it may.
func (it *Item) Check() error {
	empty := it.Size == 0
	switch {
	case !names.Valid(it.Name):
		return ErrName
	case it.Size < 0 || it.Size > MaxSize:
		return fmt.Errorf("size %d", it.Size)
	case it.Kind == KindFile && empty != (it.Root == Hash{}):
		return errors.New("pieces root and size disagree")
	case it.Kind == KindFile && empty && it.V1 != [20]byte{}:
		return errors.New("empty file with an infohash")
	case it.Kind == KindSymlink && !names.ValidTarget(it.Target):
		return errors.New("symlink target")
	}
	return nil
}

// Append appends the encoding: a dictionary whose keys tell the kind. c is a
// directory's object; l a symlink's target; s a file's size, with p its pieces
// root, h its v1 infohash and x for executable. m is the mtime, n the name.
func (it *Item) Append(dst []byte) []byte {
	dst = append(dst, 'd')
	if it.Kind == KindDir {
		dst = bencode.AppendString(append(dst, "1:c"...), it.Root[:])
	}
	if it.Kind == KindFile && it.V1 != [20]byte{} {
		dst = bencode.AppendString(append(dst, "1:h"...), it.V1[:])
	}
	if it.Kind == KindSymlink {
		dst = bencode.AppendString(append(dst, "1:l"...), it.Target)
	}
	if it.MTime != 0 {
		dst = bencode.AppendInt(append(dst, "1:m"...), it.MTime)
	}
	dst = bencode.AppendString(append(dst, "1:n"...), it.Name)
	if it.Kind == KindFile {
		if it.Size > 0 {
			dst = bencode.AppendString(append(dst, "1:p"...), it.Root[:])
		}
		dst = bencode.AppendInt(append(dst, "1:s"...), it.Size)
		if it.Exec {
			dst = append(dst, "1:xi1e"...)
		}
	}
	return append(dst, 'e')
}

// keysOf gives the keys an entry of a kind may have; the first is its mark.
var keysOf = [...]string{KindFile: "shmnpx", KindDir: "cmn", KindSymlink: "lmn"}

// parse reads an entry and checks it.
func (it *Item) parse(c *bencode.Cursor) error {
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
	allowed := keysOf[it.Kind]
	marked := false
	for _, key := range seen[:n] {
		marked = marked || key == allowed[0]
		if strings.IndexByte(allowed, key) < 0 {
			return fmt.Errorf("%v with key %q", it.Kind, key)
		}
	}
	if !marked {
		return errors.New("entry without a kind")
	}
	return it.Check()
}

func (it *Item) parseField(key byte, c *bencode.Cursor) (err error) {
	switch key {
	case 'c':
		it.Kind = KindDir
		err = parseFixed(it.Root[:], c)
	case 'l':
		it.Kind = KindSymlink
		it.Target, err = parseString(c)
	case 'n':
		it.Name, err = parseString(c)
	case 'p':
		err = parseFixed(it.Root[:], c)
	case 'h':
		err = parseFixed(it.V1[:], c)
	case 's':
		it.Size, err = c.Int()
	case 'm':
		it.MTime, err = c.Int()
		if err == nil && it.MTime == 0 {
			err = errors.New("mtime of zero written out")
		}
	case 'x':
		err = it.parseExec(c)
	default:
		err = fmt.Errorf("entry with key %q", key)
	}
	return err
}

func (it *Item) parseExec(c *bencode.Cursor) error {
	n, err := c.Int()
	if err == nil && n != 1 {
		err = fmt.Errorf("x of %d", n)
	}
	it.Exec = true
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
