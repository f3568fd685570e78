package record

import (
	"bytes"

	bolt "go.etcd.io/bbolt"

	"p2pfs/swarm/share/inode"
)

// Lookup calls found for each of files that has a result. found must not call
// back.
func (s *Store) Lookup(files []inode.Meta, found func(i int, sum Summary)) {
	rest := make([]int, 0, len(files))
	for i, m := range files {
		switch c, ok := s.behind.get(m.ID); {
		case !ok:
			rest = append(rest, i)
		case !c.drop:
			found(i, c.sum)
		}
	}
	if len(rest) == 0 {
		return
	}
	var bad []inode.ID
	moved := map[int]inode.ID{}
	s.view(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketFile).Cursor()
		for _, i := range rest {
			id, sum, err := s.seek(c, files[i])
			switch {
			case err != nil:
				bad = append(bad, id)
			case id == files[i].ID:
				found(i, sum)
			case id != inode.ID{}:
				moved[i] = id
			}
		}
		return nil
	})
	s.dropDamaged(bad...)
	for i, id := range moved {
		s.adopt(files[i], id, func(sum Summary) { found(i, sum) })
	}
}

// Find returns the result of one file.
func (s *Store) Find(id inode.ID) (sum Summary, ok bool) {
	s.Lookup([]inode.Meta{{ID: id}}, func(_ int, got Summary) { sum, ok = got, true })
	return sum, ok
}

// seek finds the record of a file, or one that is the same but for the
// number of the device. Many filesystems get another number with each mount:
// there the change time must be the same, too, which no other file's is.
func (s *Store) seek(c *bolt.Cursor, m inode.Meta) (id inode.ID, sum Summary, err error) {
	want, epoch := keyOf(m.ID), s.epoch.Load()
	if k, v := c.Seek(want); bytes.Equal(k, want) {
		sum, err = decodeSummary(k, v, epoch)
		return m.ID, sum, err
	}
	inodeVersion := want[:keyVersion]
	for k, v := c.Seek(inodeVersion); k != nil && bytes.HasPrefix(k, inodeVersion); k, v = c.Next() {
		sum, err = decodeSummary(k, v, epoch)
		if other, ok := parseKey(k); ok && err == nil && sum.CTime == m.CTime {
			return other, sum, nil
		}
	}
	return inode.ID{}, Summary{}, nil
}

// adopt files the result of id, if it is whole, for m as well.
func (s *Store) adopt(m inode.Meta, id inode.ID, found func(Summary)) {
	h := s.Hashes(id)
	if sum, _ := s.Find(id); h != nil && sum.Root == h.Root {
		s.Put(m.ID, sum, h)
		found(sum)
	}
}

func (s *Store) dropDamaged(ids ...inode.ID) {
	for _, id := range ids {
		s.Log.Warn("damaged hash record: dropped", "inode", id.Ino, "size", id.Size)
		s.Drop(id)
	}
}

// Hashes returns the hashes of id, nil if they are not there (any more).
func (s *Store) Hashes(id inode.ID) *Hashes {
	if h, known := s.behind.hashes(id); known {
		return h
	}
	var h *Hashes
	var damage error
	s.view(func(tx *bolt.Tx) error {
		k := keyOf(id)
		if v := tx.Bucket(bucketPieces).Get(k); v != nil {
			h, damage = decodeHashes(k, v)
		}
		return nil
	})
	if damage != nil {
		s.dropDamaged(id)
		return nil
	}
	if h != nil {
		s.behind.keep(id, h)
	}
	return h
}
