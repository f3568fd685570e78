package message

import (
	"errors"
	"fmt"

	"p2pfs/swarm/bencode"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/hashing"
)

// fields are the values of a dictionary by their keys of one letter.
type fields map[byte]*bencode.Cursor

var errMissing = errors.New("key missing")

func (f fields) get(key byte) (*bencode.Cursor, error) {
	if c := f[key]; c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("%q: %w", key, errMissing)
}

func (f fields) bytes(key byte) ([]byte, error) {
	c, err := f.get(key)
	if err != nil {
		return nil, err
	}
	return c.Bytes()
}

func (f fields) fixed(key byte, dst []byte) error {
	b, err := f.bytes(key)
	if err == nil && len(b) != len(dst) {
		err = fmt.Errorf("%q has %d bytes, want %d", key, len(b), len(dst))
	}
	copy(dst, b)
	return err
}

func (f fields) hash(key byte) (h catalog.Hash, err error) {
	return h, f.fixed(key, h[:])
}

func (f fields) int(key byte, low, high int) (int, error) {
	n, err := f.int64(key, int64(low), int64(high))
	return int(n), err
}

func (f fields) int64(key byte, low, high int64) (int64, error) {
	c, err := f.get(key)
	if err != nil {
		return 0, err
	}
	n, err := c.Int()
	if err == nil && (n < low || n > high) {
		err = fmt.Errorf("%q is %d", key, n)
	}
	return n, err
}

func (f fields) hashes(key byte) ([]catalog.Hash, error) {
	b, err := f.bytes(key)
	if err != nil {
		return nil, err
	}
	const size = len(catalog.Hash{})
	if len(b) == 0 || len(b)%size != 0 || len(b) > MaxHashes*size {
		return nil, fmt.Errorf("hashes of %d bytes", len(b))
	}
	list := make([]catalog.Hash, len(b)/size)
	for i := range list {
		list[i] = catalog.Hash(b[i*size:])
	}
	return list, nil
}

// content reads a Content, as who and holds have it.
func (f fields) content() (c hashing.Content, err error) {
	if c.Root, err = f.hash('r'); err != nil {
		return c, err
	}
	c.Size, err = f.int64('s', 1, catalog.MaxSize)
	return c, err
}
