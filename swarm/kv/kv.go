package kv

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Errors that callers branch on.
var (
	// ErrLocked is a database that another process has open.
	ErrLocked = errors.New("in use by another p2pfs")
	// ErrFormat is a database of another version, or of another program. It is
	// left as it is.
	ErrFormat = errors.New("of another version of p2pfs, or of another program")
	// ErrDamaged is a database whose bytes make no sense.
	ErrDamaged = errors.New("database is damaged")
)

const (
	lockPatience  = time.Second      // for another process to let go of the file
	closePatience = 10 * time.Second // for a database whose locks may be lost
)

// Config says what a database is. Path, Name and Buckets must be set.
type Config struct {
	Path    string
	Name    string   // what it is, for its mark and the log: "hashes"
	Version int      // of what stands in it; another one is ErrFormat
	Buckets [][]byte // at the top; made with the file, and there ever after

	// Check, unless nil, looks at each value at Open. An error means damage.
	// It must not keep the slices.
	Check func(bucket, key, value []byte) error
	// Legacy, unless nil, is asked about a file that bears no mark: it returns
	// true for one of an older version, after making it one of this. Such a
	// file is not given to Check.
	Legacy func(tx *bolt.Tx) (bool, error)
	// Prepare, unless nil, is called at the end of Open. An error that wraps
	// ErrDamaged has the file set aside, any other is returned by Open.
	Prepare func(tx *bolt.Tx) error

	Log *slog.Logger // nil: silence
}

// DB is an open database.
type DB struct {
	cfg     Config
	db      atomic.Pointer[bolt.DB]
	damaged atomic.Bool
	renew   sync.Mutex // held by Renew and Close
}

// Open opens or makes a database, after reading all of it, at about the speed
// of the disk. A damaged one is set aside under its name and ".damaged-" with
// the time, one of them at most, and begun anew. The error wraps ErrLocked if
// another process has it, ErrFormat if another version or program wrote it.
func Open(cfg Config) (*DB, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	d := &DB{cfg: cfg}
	db, err := cfg.open()
	if errors.Is(err, ErrDamaged) {
		db, err = cfg.replace(err)
	}
	if err != nil {
		return nil, err
	}
	d.db.Store(db)
	return d, nil
}

// open opens the file as it is.
func (c *Config) open() (db *bolt.DB, err error) {
	err = guard(func() (err error) {
		db, err = bolt.Open(c.Path, 0o600, &bolt.Options{
			Timeout: lockPatience, FreelistType: bolt.FreelistMapType, NoStatistics: true,
			OpenFile: c.openChecked,
		})
		return err
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		err = ErrLocked
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err == nil {
		err = guard(func() error { return db.Update(c.prepare) })
		if err != nil {
			shut(db)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Path, err)
	}
	return db, nil
}

// openChecked opens the file for bbolt, which locks it once more by the same
// descriptor.
func (c *Config) openChecked(path string, flag int, mode os.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, flag, mode)
	if err != nil {
		return nil, err
	}
	if err = lock(f, lockPatience); err == nil {
		if err = check(f, c.checkValue); errors.Is(err, syscall.EIO) { // a bad sector
			err = fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// View runs a read transaction. See bbolt for what f may do. The error is f's,
// or wraps ErrDamaged.
func (d *DB) View(f func(tx *bolt.Tx) error) error {
	return d.do(func(db *bolt.DB) error { return db.View(f) })
}

// Update runs a transaction and waits for the disk. See View.
func (d *DB) Update(f func(tx *bolt.Tx) error) error {
	return d.do(func(db *bolt.DB) error { return db.Update(f) })
}

func (d *DB) do(f func(db *bolt.DB) error) error {
	if d.damaged.Load() {
		return fmt.Errorf("%s: %w", d.cfg.Path, ErrDamaged)
	}
	db := d.db.Load()
	err := guard(func() error { return f(db) })
	if errors.Is(err, ErrDamaged) && d.db.Load() == db && d.damaged.CompareAndSwap(false, true) {
		d.cfg.Log.Error(d.cfg.Name+" database is damaged: it is begun anew, at the latest at the next start",
			"path", d.cfg.Path, "err", err)
	}
	return err
}

// Damaged reports whether damage showed since Open or Renew.
func (d *DB) Damaged() bool { return d.damaged.Load() }

// Renew sets a database that turned out to be damaged aside and begins a new
// one. After an error it may be called again.
func (d *DB) Renew() error {
	d.renew.Lock()
	defer d.renew.Unlock()
	shut(d.db.Load())
	db, err := d.cfg.replace(ErrDamaged)
	if err != nil {
		return err
	}
	d.db.Store(db)
	d.damaged.Store(false)
	return nil
}

// Close closes the database. Calls of View and Update fail from then on.
func (d *DB) Close() error {
	d.renew.Lock()
	defer d.renew.Unlock()
	return shut(d.db.Load())
}

// shut closes a database. One whose locks were lost to a panic over damaged
// pages is left behind.
func shut(db *bolt.DB) error {
	done := make(chan error, 1)
	go func() { done <- guard(db.Close) }()
	timer := time.NewTimer(closePatience)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return ErrDamaged
	}
}

// guard turns a panic of bbolt over damaged pages, and the fault of a read
// that the disk could not serve, into ErrDamaged. It is not guard.Guard because
// neither is a bug of ours, to be counted as one.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", ErrDamaged, r)
		}
	}()
	return f()
}
