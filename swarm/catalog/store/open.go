package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/kv"
	"p2pfs/swarm/lru"

	"go.etcd.io/bbolt"
)

// storeFormat is raised when the meaning of the buckets changes. Format 1 had
// no seals (see kv.Seal) and no mark but "format" in bucketMeta.
const storeFormat = 2

var (
	keySalt   = []byte("salt")
	keyFormat = []byte("format")
)

// OpenStore opens the store at path for the drive with that salt, and makes it
// if there is none; it reads the whole file first. One that is damaged is set
// aside, with a warning to log, which may be nil, and begun anew: all that is
// in it comes again from members. ErrLocked, wrapped, if another process has
// it, ErrDrive if it is another drive's, ErrFormat if another version wrote it.
func Open(path string, salt catalog.Salt, log *slog.Logger) (*Store, error) {
	db, err := kv.Open(kv.Config{
		Path: path, Name: "catalogue", Version: storeFormat,
		Buckets: [][]byte{BucketMeta, BucketHeads, bucketObjects, BucketNodes, BucketClaims},
		Check:   checkValue, Legacy: adoptFormat1,
		Prepare: func(tx *bbolt.Tx) error { return prepare(tx, salt) },
		Log:     log,
	})
	if err != nil {
		return nil, fmt.Errorf("catalogue store: %w", err)
	}
	return &Store{db: db, waiting: newBatch(), cache: lru.New[catalog.Hash, *catalog.Object](cacheBytes)}, nil
}

var ErrValue = errors.New("value does not verify")

// checkValue looks at a value: an object's name is its hash, all else is
// sealed, but for the format that stands where format 1 looks for it.
func checkValue(bucket, key, value []byte) error {
	ok := false
	switch {
	case bytes.Equal(bucket, bucketObjects):
		h := catalog.HashObject(value)
		ok = bytes.Equal(key, h[:])
	case bytes.Equal(bucket, BucketMeta) && bytes.Equal(key, keyFormat):
		ok = bytes.Equal(value, formatMark())
	default:
		_, ok = kv.Unseal(bucket, key, value)
	}
	if !ok {
		return ErrValue
	}
	return nil
}

// checkPairs sees that each object has its node and each node its object: they are
// written together, and a store that lost a part of one of them would show files
// that it cannot name.
func checkPairs(tx *bbolt.Tx) error {
	objects, nodes := tx.Bucket(bucketObjects).Cursor(), tx.Bucket(BucketNodes).Cursor()
	o, _ := objects.First()
	n, _ := nodes.First()
	for ; o != nil && bytes.Equal(o, n); o, _ = objects.Next() {
		n, _ = nodes.Next()
	}
	if o != nil || n != nil {
		return fmt.Errorf("%w: an object without its node, or a node without its object", kv.ErrDamaged)
	}
	return nil
}

// formatMark is what a p2pfs that knows format 1 only refuses.
func formatMark() []byte { return binary.AppendUvarint(nil, storeFormat) }

// prepare makes the store the drive's, or sees that it is.
func prepare(tx *bbolt.Tx, salt catalog.Salt) error {
	meta := tx.Bucket(BucketMeta)
	if was := meta.Get(keySalt); was != nil {
		was, ok := kv.Unseal(BucketMeta, keySalt, was)
		switch {
		case !ok:
			return fmt.Errorf("%w: %w", kv.ErrDamaged, ErrValue)
		case !bytes.Equal(was, salt[:]):
			return ErrDrive
		}
		return checkPairs(tx)
	}
	if k, _ := tx.Bucket(BucketHeads).Cursor().First(); k != nil {
		return fmt.Errorf("%w: no salt", kv.ErrDamaged)
	}
	if err := meta.Put(keyFormat, formatMark()); err != nil {
		return err
	}
	return meta.Put(keySalt, kv.Seal(BucketMeta, keySalt, bytes.Clone(salt[:])))
}

// adoptFormat1 makes a store of format 1 one of this.
func adoptFormat1(tx *bbolt.Tx) (bool, error) {
	meta := tx.Bucket(BucketMeta)
	if meta == nil {
		return false, nil
	}
	salt := meta.Get(keySalt)
	format, n := binary.Uvarint(meta.Get(keyFormat))
	switch {
	case len(salt) != len(catalog.Salt{}) || n <= 0:
		return false, nil
	case format != 1:
		return false, fmt.Errorf("%w (format %d, this one knows %d)", ErrFormat, format, storeFormat)
	}
	if err := checkFormat1(tx); err != nil {
		return false, fmt.Errorf("%w: %w", kv.ErrDamaged, err)
	}
	for _, name := range [][]byte{BucketHeads, BucketNodes, BucketClaims} {
		if err := sealAll(tx, name); err != nil {
			return false, err
		}
	}
	return true, errors.Join(
		meta.Put(keySalt, kv.Seal(BucketMeta, keySalt, bytes.Clone(salt))),
		meta.Put(keyFormat, formatMark()),
	)
}

// checkFormat1 looks at what can be known to be wrong without a seal.
func checkFormat1(tx *bbolt.Tx) error {
	checks := map[string]func(k, v []byte) error{
		string(bucketObjects): func(k, v []byte) error { return checkValue(bucketObjects, k, v) },
		string(BucketNodes):   func(_, v []byte) error { _, err := UnmarshalStub(v); return err },
		string(BucketHeads):   nil,
		string(BucketClaims):  nil,
	}
	for name, check := range checks {
		b := tx.Bucket([]byte(name))
		if b == nil {
			return fmt.Errorf("no bucket %s", name)
		}
		if check == nil {
			continue
		}
		if err := b.ForEach(check); err != nil {
			return err
		}
	}
	return nil
}

// sealAll seals the values of a bucket.
func sealAll(tx *bbolt.Tx, name []byte) error {
	b := tx.Bucket(name)
	var keys, values [][]byte
	err := b.ForEach(func(k, v []byte) error {
		keys = append(keys, bytes.Clone(k))
		values = append(values, kv.Seal(name, k, bytes.Clone(v)))
		return nil
	})
	for i := 0; i < len(keys) && err == nil; i++ {
		err = b.Put(keys[i], values[i])
	}
	return err
}
