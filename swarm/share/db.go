package share

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// ErrLocked is returned by Open when another process uses the state directory.
var ErrLocked = errors.New("in use by another p2pfs")

const (
	storeName    = "hashes.db"
	storeAbout   = "p2pfs hashes 1"
	lockPatience = time.Second // for another process to let go of the database
)

var errBroken = errors.New("share: hash database damaged")

// openDB opens or makes the database. The error is errBroken if the file is
// damaged, ErrLocked if another process has it.
func openDB(path string) (db *bolt.DB, err error) {
	err = onPages(func() (err error) {
		db, err = bolt.Open(path, 0o600, &bolt.Options{
			Timeout:      lockPatience,
			FreelistType: bolt.FreelistMapType,
			NoStatistics: true,
		})
		return err
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("share: %s: %w", path, ErrLocked)
	case errors.Is(err, os.ErrPermission), errors.Is(err, os.ErrNotExist), errors.Is(err, errBroken):
		return nil, err
	case err != nil && isDamage(err):
		return nil, fmt.Errorf("%w: %w", errBroken, err)
	case err != nil:
		return nil, fmt.Errorf("share: %s: %w", path, err)
	}
	if err := onPages(func() error { return checkDB(db) }); err != nil {
		closeDB(db)
		return nil, err
	}
	return db, nil
}

// isDamage reports whether bbolt's error is about the bytes of the file.
func isDamage(err error) bool {
	var pathErr *os.PathError
	var sysErr *os.SyscallError
	return !errors.As(err, &pathErr) && !errors.As(err, &sysErr)
}

// checkDB makes the buckets, and looks whether all of the file is there:
// bbolt maps it, and reading behind its end would be a SIGBUS.
func checkDB(db *bolt.DB) error {
	return db.Update(func(tx *bolt.Tx) error {
		fi, err := os.Stat(db.Path())
		if err != nil {
			return err
		}
		if fi.Size() < tx.Size() {
			return fmt.Errorf("%w: %d bytes of %d", errBroken, fi.Size(), tx.Size())
		}
		about := tx.Bucket([]byte("about"))
		if about == nil {
			if k, _ := tx.Cursor().First(); k != nil {
				return fmt.Errorf("share: %s is no hash database of p2pfs", db.Path())
			}
			if about, err = tx.CreateBucket([]byte("about")); err == nil {
				err = about.Put([]byte("format"), []byte(storeAbout))
			}
			if err != nil {
				return err
			}
		}
		if got := string(about.Get([]byte("format"))); got != storeAbout {
			return fmt.Errorf("share: %s is of another version of p2pfs: %q, not %q", db.Path(), got, storeAbout)
		}
		for _, name := range [][]byte{bucketFile, bucketPieces, bucketGone} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
}

// replace puts the damaged file aside and begins a new one.
func (s *store) replace(cause error) (*bolt.DB, error) {
	aside := s.path + ".damaged"
	s.log.Warn("hash database is damaged: put aside, files are hashed again", "to", aside, "err", cause)
	if err := os.Rename(s.path, aside); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("share: %w", err)
	}
	return openDB(s.path)
}

// onPages turns a panic of bbolt over damaged pages, and the fault of a read
// that the disk could not serve, into an error.
func onPages(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errBroken, r)
		}
	}()
	return f()
}

// closeDB closes a database. One whose locks were lost to a panic over damaged
// pages is left behind.
func closeDB(db *bolt.DB) error {
	done := make(chan error, 1)
	go func() { done <- onPages(db.Close) }()
	select {
	case err := <-done:
		return err
	case <-time.After(10 * lockPatience):
		return errBroken
	}
}

// view runs a read transaction. All errors are of the database, and none is
// the caller's concern: what cannot be read is not there.
func (s *store) view(f func(tx *bolt.Tx) error) error {
	err := onPages(func() error { return s.db.Load().View(f) })
	if errors.Is(err, errBroken) && s.broken.CompareAndSwap(false, true) {
		s.poke()
	}
	return err
}
