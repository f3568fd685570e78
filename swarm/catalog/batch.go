package catalog

import "go.etcd.io/bbolt"

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
	return len(b.heads)+len(b.objects)+len(b.nodes)+len(b.claims) == 0
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
	err := writeAll(tx.Bucket(bucketHeads), b.heads, func(k Key) []byte { return k[:] })
	if err == nil {
		err = writeAll(tx.Bucket(bucketObjects), b.objects, func(h Hash) []byte { return h[:] })
	}
	if err == nil {
		err = writeAll(tx.Bucket(bucketNodes), b.nodes, func(h Hash) []byte { return h[:] })
	}
	if err == nil {
		err = writeAll(tx.Bucket(bucketClaims), b.claims, func(k claimKey) []byte { return k[:] })
	}
	if err == nil && b.clock != nil {
		err = tx.Bucket(bucketMeta).Put(keyClock, b.clock)
	}
	return err
}

func writeAll[K comparable](bucket *bbolt.Bucket, m map[K][]byte, key func(K) []byte) error {
	for k, v := range m {
		var err error
		if v == nil {
			err = bucket.Delete(key(k))
		} else {
			err = bucket.Put(key(k), v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
