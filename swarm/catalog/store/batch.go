package store

import (
	"bytes"
	"fmt"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/kv"
	"slices"

	"go.etcd.io/bbolt"
)

// Batch is a set of changes; nil stands for deleted.
type Batch struct {
	Heads   map[catalog.Key][]byte
	Objects map[catalog.Hash][]byte
	Nodes   map[catalog.Hash][]byte
	Claims  map[ClaimKey][]byte
	Clock   []byte // nil: as it was
}

func newBatch() *Batch {
	return &Batch{
		Heads: make(map[catalog.Key][]byte), Objects: make(map[catalog.Hash][]byte), Nodes: make(map[catalog.Hash][]byte),
		Claims: make(map[ClaimKey][]byte),
	}
}

func (b *Batch) empty() bool {
	return len(b.Heads)+len(b.Objects)+len(b.Nodes)+len(b.Claims) == 0 && b.Clock == nil
}

// under adds older changes, which newer ones win over.
func (b *Batch) under(older *Batch) {
	under(b.Heads, older.Heads)
	under(b.Objects, older.Objects)
	under(b.Nodes, older.Nodes)
	under(b.Claims, older.Claims)
	if b.Clock == nil {
		b.Clock = older.Clock
	}
}

func under[K comparable](dst, src map[K][]byte) {
	for k, v := range src {
		if _, ok := dst[k]; !ok {
			dst[k] = v
		}
	}
}

func (b *Batch) write(tx *bbolt.Tx) error {
	err := writeAll(tx, BucketHeads, b.Heads, func(k catalog.Key) []byte { return k[:] })
	if err == nil {
		err = writeAll(tx, bucketObjects, b.Objects, func(h catalog.Hash) []byte { return h[:] })
	}
	if err == nil {
		err = writeAll(tx, BucketNodes, b.Nodes, func(h catalog.Hash) []byte { return h[:] })
	}
	if err == nil {
		err = writeAll(tx, BucketClaims, b.Claims, func(k ClaimKey) []byte { return k[:] })
	}
	if err == nil && b.Clock != nil {
		err = tx.Bucket(BucketMeta).Put(KeyClock, kv.Seal(BucketMeta, KeyClock, slices.Clip(b.Clock)))
	}
	return err
}

// writeAll writes to a bucket, sealed but for objects.
func writeAll[K comparable](tx *bbolt.Tx, name []byte, m map[K][]byte, key func(K) []byte) error {
	bucket, seal := tx.Bucket(name), !bytes.Equal(name, bucketObjects)
	for k, v := range m {
		k := key(k)
		var err error
		switch {
		case v == nil:
			err = bucket.Delete(k)
		case seal:
			err = bucket.Put(k, kv.Seal(name, k, slices.Clip(v)))
		default:
			err = bucket.Put(k, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// EachSealed calls f with what the values of a bucket were before they were
// sealed.
func EachSealed(tx *bbolt.Tx, name []byte, f func(k, v []byte) error) error {
	return tx.Bucket(name).ForEach(func(k, v []byte) error {
		v, ok := kv.Unseal(name, k, v)
		if !ok {
			return fmt.Errorf("%w: %s: %w", kv.ErrDamaged, name, ErrValue)
		}
		return f(k, v)
	})
}

// ClaimKey stands for a path of a member: a part of a SHA-256, which is
// shorter than most and of one length.
type ClaimKey [16]byte

// KeyClock is where the store keeps the clock.
var KeyClock = []byte("clock")
