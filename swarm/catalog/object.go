package catalog

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"p2pfs/swarm/bencode"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/names"
)

// MaxObject is the longest object in bytes.
const MaxObject = 16 << 10

// maxLevel bounds how many index objects stand above a shard: each level
// divides by a hundred or more.
const maxLevel = 6

// ErrObject is an object that is no well-formed part of a directory.
var ErrObject = errors.New("malformed object")

// Hash is the SHA-256 of an object, and the pieces root of a file.
type Hash = hashing.Hash256

// HashObject returns the name of an object.
func HashObject(data []byte) Hash { return sha256.Sum256(data) }

// Object is a decoded object: a shard holds items, an index holds kids.
// Immutable.
type Object struct {
	Level int    // 0: shard
	Items []Item // of a shard, sorted by name
	Kids  []Kid  // of an index, at least one, sorted by first
	Size  int    // of the encoding, bytes
}

// Kid is one child of an index object: a shard, or an index one level lower.
type Kid struct {
	First string // the first name under it
	Hash  Hash
}

// AppendShard appends the encoding of a directory's shard.
func AppendShard(dst []byte, items []Item) []byte {
	dst = append(dst, "d1:el"...)
	for i := range items {
		dst = items[i].Append(dst)
	}
	return append(dst, "ee"...)
}

// AppendIndex appends the encoding of an index object of a level above zero.
func AppendIndex(dst []byte, level int, kids []Kid) []byte {
	dst = append(dst, "d1:cl"...)
	for i := range kids {
		dst = kids[i].Append(dst)
	}
	dst = append(dst, "e1:li"...)
	dst = strconv.AppendInt(dst, int64(level), 10)
	return append(dst, "ee"...)
}

// ObjectOverhead is what an index adds to its kids' bytes; a shard adds less.
const ObjectOverhead = len("d1:cle1:li9ee")

func (k *Kid) Append(dst []byte) []byte {
	dst = append(dst, 'l')
	dst = bencode.AppendString(dst, k.First)
	dst = bencode.AppendString(dst, k.Hash[:])
	return append(dst, 'e')
}

// DecodeObject reads an object that came from outside. ErrObject, wrapped, if
// it is too long, not canonical bencode, not sorted, or holds what an entry
// may not hold.
func DecodeObject(data []byte) (*Object, error) {
	o, err := parseObject(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrObject, err)
	}
	return o, nil
}

func parseObject(data []byte) (*Object, error) {
	lim := bencode.Limits{Bytes: MaxObject, Tokens: MaxObject, Depth: 4}
	c, err := bencode.NewCursor(data, lim)
	if err != nil {
		return nil, err
	}
	o := &Object{Size: len(data)}
	var seen string
	err = c.Dict(func(key []byte) error {
		seen += string(key)
		switch string(key) {
		case "e":
			return o.parseItems(c)
		case "c":
			return o.parseKids(c)
		case "l":
			level, err := c.Int()
			if err == nil && (level < 1 || level > maxLevel) {
				err = fmt.Errorf("index of level %d", level)
			}
			o.Level = int(level)
			return err
		}
		return fmt.Errorf("key %q", key)
	})
	switch {
	case err != nil:
		return nil, err
	case seen == "e", seen == "cl" && len(o.Kids) > 0:
		return o, nil
	}
	return nil, fmt.Errorf("neither shard nor index: keys %q", seen)
}

func (o *Object) parseItems(c *bencode.Cursor) error {
	o.Items = make([]Item, 0, o.Size/100)
	return c.List(func() error {
		var it Item
		if err := it.parse(c); err != nil {
			return err
		}
		if n := len(o.Items); n > 0 && it.Name <= o.Items[n-1].Name {
			return fmt.Errorf("entry %q not sorted", it.Name)
		}
		o.Items = append(o.Items, it)
		return nil
	})
}

func (o *Object) parseKids(c *bencode.Cursor) error {
	o.Kids = make([]Kid, 0, o.Size/50)
	return c.List(func() error {
		var k Kid
		n := 0
		err := c.List(func() error {
			b, err := c.Bytes()
			switch n++; {
			case err != nil:
				return err
			case n == 1:
				k.First = string(b)
			case n == 2 && len(b) == len(k.Hash):
				copy(k.Hash[:], b)
			default:
				return errors.New("child of odd form")
			}
			return nil
		})
		switch m := len(o.Kids); {
		case err != nil:
			return err
		case n != 2 || !names.Valid(k.First):
			return errors.New("child of odd form")
		case m > 0 && k.First <= o.Kids[m-1].First:
			return fmt.Errorf("child %q not sorted", k.First)
		}
		o.Kids = append(o.Kids, k)
		return nil
	})
}

// emptyObject is the shard of an empty directory. It is always there.
var (
	EmptyObject = AppendShard(nil, nil)
	EmptyHash   = HashObject(EmptyObject)
)

// Find returns the item of that name in a shard, or nil.
func (o *Object) Find(name string) *Item {
	i, ok := slices.BinarySearchFunc(o.Items, name, func(it Item, name string) int { return cmp.Compare(it.Name, name) })
	if !ok {
		return nil
	}
	return &o.Items[i]
}

// Below returns the kid of an index under which a name is; -1: none.
func (o *Object) Below(name string) int {
	i, ok := slices.BinarySearchFunc(o.Kids, name, func(k Kid, name string) int { return cmp.Compare(k.First, name) })
	if !ok {
		i--
	}
	return i
}
