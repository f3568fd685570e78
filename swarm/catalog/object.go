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

// object is a decoded object: a shard holds items, an index holds kids.
// Immutable.
type object struct {
	level int    // 0: shard
	items []item // of a shard, sorted by name
	kids  []kid  // of an index, at least one, sorted by first
	size  int    // of the encoding, bytes
}

// kid is one child of an index object: a shard, or an index one level lower.
type kid struct {
	first string // the first name under it
	hash  Hash
}

// appendShard appends the encoding of a directory's shard.
func appendShard(dst []byte, items []item) []byte {
	dst = append(dst, "d1:el"...)
	for i := range items {
		dst = items[i].append(dst)
	}
	return append(dst, "ee"...)
}

// appendIndex appends the encoding of an index object of a level above zero.
func appendIndex(dst []byte, level int, kids []kid) []byte {
	dst = append(dst, "d1:cl"...)
	for i := range kids {
		dst = kids[i].append(dst)
	}
	dst = append(dst, "e1:li"...)
	dst = strconv.AppendInt(dst, int64(level), 10)
	return append(dst, "ee"...)
}

// objectOverhead is what an index adds to its kids' bytes; a shard adds less.
const objectOverhead = len("d1:cle1:li9ee")

func (k *kid) append(dst []byte) []byte {
	dst = append(dst, 'l')
	dst = bencode.AppendString(dst, k.first)
	dst = bencode.AppendString(dst, k.hash[:])
	return append(dst, 'e')
}

// decodeObject reads an object that came from outside. ErrObject, wrapped, if
// it is too long, not canonical bencode, not sorted, or holds what an entry
// may not hold.
func decodeObject(data []byte) (*object, error) {
	o, err := parseObject(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrObject, err)
	}
	return o, nil
}

func parseObject(data []byte) (*object, error) {
	lim := bencode.Limits{Bytes: MaxObject, Tokens: MaxObject, Depth: 4}
	c, err := bencode.NewCursor(data, lim)
	if err != nil {
		return nil, err
	}
	o := &object{size: len(data)}
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
			o.level = int(level)
			return err
		}
		return fmt.Errorf("key %q", key)
	})
	switch {
	case err != nil:
		return nil, err
	case seen == "e", seen == "cl" && len(o.kids) > 0:
		return o, nil
	}
	return nil, fmt.Errorf("neither shard nor index: keys %q", seen)
}

func (o *object) parseItems(c *bencode.Cursor) error {
	o.items = make([]item, 0, o.size/100)
	return c.List(func() error {
		var it item
		if err := it.parse(c); err != nil {
			return err
		}
		if n := len(o.items); n > 0 && it.name <= o.items[n-1].name {
			return fmt.Errorf("entry %q not sorted", it.name)
		}
		o.items = append(o.items, it)
		return nil
	})
}

func (o *object) parseKids(c *bencode.Cursor) error {
	o.kids = make([]kid, 0, o.size/50)
	return c.List(func() error {
		var k kid
		n := 0
		err := c.List(func() error {
			b, err := c.Bytes()
			switch n++; {
			case err != nil:
				return err
			case n == 1:
				k.first = string(b)
			case n == 2 && len(b) == len(k.hash):
				copy(k.hash[:], b)
			default:
				return errors.New("child of odd form")
			}
			return nil
		})
		switch m := len(o.kids); {
		case err != nil:
			return err
		case n != 2 || !names.Valid(k.first):
			return errors.New("child of odd form")
		case m > 0 && k.first <= o.kids[m-1].first:
			return fmt.Errorf("child %q not sorted", k.first)
		}
		o.kids = append(o.kids, k)
		return nil
	})
}

// emptyObject is the shard of an empty directory. It is always there.
var (
	emptyObject = appendShard(nil, nil)
	emptyHash   = HashObject(emptyObject)
)

// find returns the item of that name in a shard, or nil.
func (o *object) find(name string) *item {
	i, ok := slices.BinarySearchFunc(o.items, name, func(it item, name string) int { return cmp.Compare(it.name, name) })
	if !ok {
		return nil
	}
	return &o.items[i]
}

// below returns the kid of an index under which a name is; -1: none.
func (o *object) below(name string) int {
	i, ok := slices.BinarySearchFunc(o.kids, name, func(k kid, name string) int { return cmp.Compare(k.first, name) })
	if !ok {
		i--
	}
	return i
}
