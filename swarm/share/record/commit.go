package record

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"p2pfs/swarm/share/inode"
)

const (
	commitBatch = 2000 // records a transaction
	// fill is how full pages are left that are split: inode numbers mostly
	// grow, so that little comes between the keys that are there.
	fill          = 0.9
	sweepKeys     = 500 // records a transaction of a sweep
	goneRetention = 30 * 24 * time.Hour
)

// commit writes a batch, after waiting until the data that it speaks of is on
// disk. Big ones are cut, so that none takes long.
func (s *Store) commit(batch map[inode.ID]change) error {
	gone, err := s.syncFor(batch)
	if err != nil {
		return err
	}
	ids := make([]inode.ID, 0, len(batch))
	for id, c := range batch {
		if c.drop || !gone[id.Dev] {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b inode.ID) int { return cmp.Compare(a.Ino, b.Ino) })
	for len(ids) > 0 {
		n := min(len(ids), commitBatch)
		err := s.DB.Update(func(tx *bolt.Tx) error {
			for _, b := range [][]byte{bucketFile, bucketPieces} {
				tx.Bucket(b).FillPercent = fill
			}
			for _, id := range ids[:n] {
				if err := s.apply(tx, id, batch[id]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

// syncFor flushes the filesystems of the files in a batch, once each. Records of
// those that are gone must not be stored.
func (s *Store) syncFor(batch map[inode.ID]change) (gone map[uint64]bool, err error) {
	gone = map[uint64]bool{}
	for id, c := range batch {
		if _, done := gone[id.Dev]; done || c.drop {
			continue
		}
		err := s.Disks.Sync(id.Dev)
		if err != nil && !errors.Is(err, inode.ErrNoDisk) {
			return nil, err
		}
		gone[id.Dev] = err != nil
	}
	return gone, nil
}

func (s *Store) apply(tx *bolt.Tx, id inode.ID, c change) error {
	k := keyOf(id)
	if c.drop {
		return remove(tx, k)
	}
	if c.h != nil {
		if err := supersede(tx, k); err != nil {
			return err
		}
		if err := tx.Bucket(bucketPieces).Put(k, c.h.encode(k)); err != nil {
			return err
		}
	}
	return tx.Bucket(bucketFile).Put(k, c.sum.encode(k, s.epoch.Load()))
}

func remove(tx *bolt.Tx, k []byte) error {
	return errors.Join(
		tx.Bucket(bucketFile).Delete(k),
		tx.Bucket(bucketPieces).Delete(k),
		tx.Bucket(bucketGone).Delete(k),
	)
}

// supersede removes the other versions of k's inode: a file has one size and
// time, so that theirs are gone.
func supersede(tx *bolt.Tx, k []byte) error {
	inode, device := k[:keyInode], k[keyVersion:]
	var old [][]byte
	c := tx.Bucket(bucketFile).Cursor()
	for other, _ := c.Seek(inode); other != nil && bytes.HasPrefix(other, inode); other, _ = c.Next() {
		if bytes.HasSuffix(other, device) && !bytes.Equal(other, k) {
			old = append(old, bytes.Clone(other))
		}
	}
	for _, other := range old {
		if err := remove(tx, other); err != nil {
			return err
		}
	}
	return nil
}

// marks is what a part of the database needs after a look at who is alive.
type marks struct {
	dead, lost, back [][]byte
}

// collect removes records that have been without a file for goneRetention. A
// share directory on a disk that is away for some days loses nothing.
func (s *Store) collect(live map[inode.ID]struct{}, now time.Time) error {
	for from := []byte{}; from != nil; {
		var m marks
		err := s.view(func(tx *bolt.Tx) error {
			m, from = collectFrom(tx, from, live, now)
			return nil
		})
		if err == nil && len(m.dead)+len(m.lost)+len(m.back) > 0 {
			err = s.DB.Update(func(tx *bolt.Tx) error { return m.apply(tx, now) })
		}
		if err != nil {
			return err
		}
		select {
		case <-s.stop:
			return nil
		default:
		}
	}
	return nil
}

// collectFrom looks at sweepKeys records from a key on and returns the key to
// go on with, nil at the end.
func collectFrom(tx *bolt.Tx, from []byte, live map[inode.ID]struct{}, now time.Time) (m marks, next []byte) {
	gone := tx.Bucket(bucketGone)
	c := tx.Bucket(bucketFile).Cursor()
	k, _ := c.Seek(from)
	for n := 0; k != nil && n < sweepKeys; n++ {
		id, ok := parseKey(k)
		_, alive := live[id]
		mark := gone.Get(k)
		since, err := decodeGone(k, mark)
		switch key := bytes.Clone(k); {
		case !ok:
			m.dead = append(m.dead, key)
		case alive && mark != nil:
			m.back = append(m.back, key)
		case alive:
		case err != nil || since > now.Unix():
			m.lost = append(m.lost, key)
		case now.Sub(time.Unix(since, 0)) > goneRetention:
			m.dead = append(m.dead, key)
		}
		k, _ = c.Next()
	}
	return m, bytes.Clone(k)
}

func (m marks) apply(tx *bolt.Tx, now time.Time) (err error) {
	gone := tx.Bucket(bucketGone)
	for _, k := range m.dead {
		err = errors.Join(err, remove(tx, k))
	}
	for _, k := range m.back {
		err = errors.Join(err, gone.Delete(k))
	}
	for _, k := range m.lost {
		err = errors.Join(err, gone.Put(k, encodeGone(k, now.Unix())))
	}
	return err
}
