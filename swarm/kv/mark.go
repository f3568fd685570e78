package kv

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// The mark says what a database is: bucket "about", key "format", and the same
// sealed under the key "sealed", so that damage is told from another version.
var (
	bucketAbout = []byte("about")
	keyFormat   = []byte("format")
	keySealed   = []byte("sealed")
)

func (c *Config) mark() string { return fmt.Sprintf("p2pfs %s %d", c.Name, c.Version) }

// prepare looks at the mark, and makes what is missing.
func (c *Config) prepare(tx *bolt.Tx) error {
	about := tx.Bucket(bucketAbout)
	sealed := about != nil && about.Get(keySealed) != nil
	if about == nil {
		if err := c.unmarked(tx); err != nil {
			return err
		}
		var err error
		if about, err = tx.CreateBucket(bucketAbout); err != nil {
			return err
		}
	} else if err := c.checkMark(about.Get(keyFormat), about.Get(keySealed)); err != nil {
		return err
	}
	if about.Get(keySealed) == nil {
		mark := []byte(c.mark())
		if err := about.Put(keyFormat, mark); err != nil {
			return err
		}
		if err := about.Put(keySealed, Seal(bucketAbout, keyFormat, mark)); err != nil {
			return err
		}
	}
	for _, name := range c.Buckets {
		if sealed && tx.Bucket(name) == nil { // it was made with the mark
			return fmt.Errorf("%w: no bucket %q", ErrDamaged, name)
		}
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	if c.Prepare != nil {
		return c.Prepare(tx)
	}
	return nil
}

// unmarked judges a file without a mark: a new one, one of an older version,
// a damaged one of ours, or somebody else's.
func (c *Config) unmarked(tx *bolt.Tx) error {
	if k, _ := tx.Cursor().First(); k == nil {
		return nil
	}
	if c.Legacy != nil {
		if ok, err := c.Legacy(tx); ok || err != nil {
			return err
		}
	}
	ours := slices.ContainsFunc(c.Buckets, func(name []byte) bool { return tx.Bucket(name) != nil })
	if ours {
		return fmt.Errorf("%w: no mark", ErrDamaged)
	}
	return fmt.Errorf("no %s database of p2pfs: %w", c.Name, ErrFormat)
}

// checkMark returns nil for this version's mark.
func (c *Config) checkMark(mark, sealed []byte) error {
	if sealed != nil {
		text, ok := Unseal(bucketAbout, keyFormat, sealed)
		if !ok || !bytes.Equal(text, mark) {
			return fmt.Errorf("%w: its mark does not verify", ErrDamaged)
		}
	}
	if string(mark) == c.mark() {
		return nil
	}
	// The first version did not seal.
	digits, ok := strings.CutPrefix(string(mark), fmt.Sprintf("p2pfs %s ", c.Name))
	if sealed == nil && (!ok || strings.Trim(digits, "0123456789") != "") {
		return fmt.Errorf("%w: mark %q", ErrDamaged, mark)
	}
	return fmt.Errorf("%w: %q, not %q", ErrFormat, mark, c.mark())
}
