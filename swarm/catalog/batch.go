package catalog

import (
	"bytes"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"p2pfs/swarm/kv"
)

// batch is a set of changes; nil stands for deleted.
type batch struct {
	heads   map[Key][]byte
	objects map[Hash][]byte
	nodes   map[Hash][]byte
	claims  map[claimKey][]byte
	clock   []byte // nil: as it was
}

func newBatch() *batch {
	return &batch{
		heads: make(map[Key][]byte), objects: make(map[Hash][]byte), nodes: make(map[Hash][]byte),
		claims: make(map[claimKey][]byte),
	}
}

func (b *batch) empty() bool {
	return len(b.heads)+len(b.objects)+len(b.nodes)+len(b.claims) == 0 && b.clock == nil
}

// under adds older changes, which newer ones win over.
func (b *batch) under(older *batch) {
	under(b.heads, older.heads)
	under(b.objects, older.objects)
	under(b.nodes, older.nodes)
	under(b.claims, older.claims)
	if b.clock == nil {
		b.clock = older.clock
	}
}

func under[K comparable](dst, src map[K][]byte) {
	for k, v := range src {
		if _, ok := dst[k]; !ok {
			dst[k] = v
		}
	}
}

func (b *batch) write(tx *bbolt.Tx) error {
	err := writeAll(tx, bucketHeads, b.heads, func(k Key) []byte { return k[:] })
	if err == nil {
		err = writeAll(tx, bucketObjects, b.objects, func(h Hash) []byte { return h[:] })
	}
	if err == nil {
		err = writeAll(tx, bucketNodes, b.nodes, func(h Hash) []byte { return h[:] })
	}
	if err == nil {
		err = writeAll(tx, bucketClaims, b.claims, func(k claimKey) []byte { return k[:] })
	}
	if err == nil && b.clock != nil {
		err = tx.Bucket(bucketMeta).Put(keyClock, kv.Seal(bucketMeta, keyClock, slices.Clip(b.clock)))
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

// eachSealed calls f with what the values of a bucket were before they were
// sealed.
func eachSealed(tx *bbolt.Tx, name []byte, f func(k, v []byte) error) error {
	return tx.Bucket(name).ForEach(func(k, v []byte) error {
		v, ok := kv.Unseal(name, k, v)
		if !ok {
			return fmt.Errorf("%w: %s: %w", kv.ErrDamaged, name, errValue)
		}
		return f(k, v)
	})
}

// claimKey stands for a path of a member: a part of a SHA-256, which is
// shorter than most and of one length.
type claimKey [16]byte

// keyClock is where the store keeps the clock.
var keyClock = []byte("clock")
