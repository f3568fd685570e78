package share

import (
	"errors"
	"fmt"
	"log/slog"

	bolt "go.etcd.io/bbolt"

	"p2pfs/swarm/kv"
)

// ErrLocked is returned by Open when another process uses the state directory.
var ErrLocked = kv.ErrLocked

const (
	storeName    = "hashes.db"
	storeVersion = 1
)

// openDB opens or makes the database. One that is damaged is set aside: it is
// worth the time to hash again, no more. Values have checksums of their own,
// for each that is damaged costs one file only.
func openDB(path string, log *slog.Logger) (*kv.DB, error) {
	db, err := kv.Open(kv.Config{
		Path: path, Name: "hashes", Version: storeVersion,
		Buckets: [][]byte{bucketFile, bucketPieces, bucketGone, bucketRun},
		Log:     log,
	})
	if err != nil {
		return nil, fmt.Errorf("share: %w", err)
	}
	return db, nil
}

// renew replaces a database that turned out to be damaged.
func (s *store) renew() {
	err := s.db.Renew()
	if err == nil {
		err = s.beginRun()
	}
	if err != nil {
		s.log.Error("no hash database", "err", err)
	}
}

// view runs a read transaction. All errors are of the database, and none is
// the caller's concern: what cannot be read is not there.
func (s *store) view(f func(tx *bolt.Tx) error) error {
	err := s.db.View(f)
	if errors.Is(err, kv.ErrDamaged) {
		s.poke()
	}
	return err
}
