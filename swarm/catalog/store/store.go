package store

import (
	"errors"
	"fmt"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/kv"
	"p2pfs/swarm/lru"
	"sync"

	"go.etcd.io/bbolt"
)

// What can be wrong with a store or an object in it.
var (
	// ErrLocked is a store that another process has open.
	ErrLocked = kv.ErrLocked
	// ErrDrive is a store that belongs to another drive.
	ErrDrive = errors.New("belongs to another drive")
	// ErrFormat is a store of another version of p2pfs. It is left as it is.
	ErrFormat = kv.ErrFormat
	// ErrGone is an object that is not in the store any more: a View was used
	// long after it was replaced, or a foreign one was asked for.
	ErrGone = errors.New("catalogue object is gone")
)

// The buckets of the file. Values are sealed (see kv.Seal), but for objects,
// which their hash protects.
var (
	BucketMeta    = []byte("meta")    // "salt", "format"
	BucketHeads   = []byte("heads")   // author's key -> record
	bucketObjects = []byte("objects") // hash -> bytes
	BucketNodes   = []byte("nodes")   // hash -> what State must know of it
	BucketClaims  = []byte("claims")  // path's hash -> key
)

// cacheBytes bounds the decoded objects kept in memory, by the bytes of their
// encodings: the entries of some 130 000 files.
const cacheBytes = 16 << 20

// Store keeps the catalogues of one drive in a bbolt file. What is put is seen
// at once and reaches the disk with the next Flush, all of it or nothing.
//
// Safe for concurrent use. The mutex guards what waits for Flush and the cache
// of decoded objects: views read them from any goroutine, so that neither can
// belong to State's. It is never held across disk I/O.
type Store struct {
	db *kv.DB

	flush sync.Mutex // held by the one Flush that runs; taken before mu

	mu       sync.Mutex
	waiting  *Batch // to be written by the next Flush
	flushing *Batch // being written; nil if none
	cache    *lru.Map[catalog.Hash, *catalog.Object]
}

// Close flushes and closes the file. It waits for a Flush that runs. Views of
// the store fail from then on.
func (s *Store) Close() error {
	return errors.Join(s.Flush(), s.db.Close())
}

// Flush writes all that was put since the last one, and waits for the disk.
// After an error it is kept for the next Flush.
func (s *Store) Flush() error {
	s.flush.Lock()
	defer s.flush.Unlock()
	s.mu.Lock()
	b := s.waiting
	if b.empty() {
		s.mu.Unlock()
		return nil
	}
	s.waiting, s.flushing = newBatch(), b
	s.mu.Unlock()

	err := s.db.Update(b.write)

	s.mu.Lock()
	defer s.mu.Unlock()
	s.flushing = nil
	if err != nil {
		s.waiting.under(b)
		return fmt.Errorf("catalogue store: %w", err)
	}
	return nil
}

// Object returns the bytes of an object, not to be changed. ErrGone, wrapped,
// if it is not here.
func (s *Store) Object(h catalog.Hash) ([]byte, error) {
	if h == catalog.EmptyHash {
		return catalog.EmptyObject, nil
	}
	if data, ok := s.unwritten(h); ok {
		if data == nil {
			return nil, fmt.Errorf("%w: %v", ErrGone, h)
		}
		return data, nil
	}
	var data []byte
	err := s.db.View(func(tx *bbolt.Tx) error {
		data = append(data, tx.Bucket(bucketObjects).Get(h[:])...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("catalogue store: %w", err)
	}
	if data == nil || catalog.HashObject(data) != h { // gone, or rotten since Open
		return nil, fmt.Errorf("%w: %v", ErrGone, h)
	}
	return data, nil
}

// unwritten looks for an object in what waits for the disk.
func (s *Store) unwritten(h catalog.Hash) (data []byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if data, ok = s.waiting.Objects[h]; !ok && s.flushing != nil {
		data, ok = s.flushing.Objects[h]
	}
	return data, ok
}

// Load returns an object decoded.
func (s *Store) Load(h catalog.Hash) (*catalog.Object, error) {
	s.mu.Lock()
	o, ok := s.cache.Get(h)
	s.mu.Unlock()
	if ok {
		return o, nil
	}
	data, err := s.Object(h)
	if err != nil {
		return nil, err
	}
	if o, err = catalog.DecodeObject(data); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.cache.Put(h, o, o.Size)
	s.mu.Unlock()
	return o, nil
}

// Put changes what waits for the disk.
func (s *Store) Put(change func(*Batch)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s.waiting)
}

// Read calls f with the file's buckets as the last Flush left them. For State,
// at start.
func (s *Store) Read(f func(*bbolt.Tx) error) error {
	if err := s.db.View(f); err != nil {
		return fmt.Errorf("catalogue store: %w", err)
	}
	return nil
}
