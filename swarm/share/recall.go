package share

import (
	"bytes"

	bolt "go.etcd.io/bbolt"
)

// lookup calls found for each of files that has a result. found must not call
// back.
func (s *store) lookup(files []meta, found func(i int, sum summary)) {
	rest := make([]int, 0, len(files))
	s.mu.Lock()
	for i, m := range files {
		switch c, ok := s.unwritten(m.ident); {
		case !ok:
			rest = append(rest, i)
		case !c.drop:
			found(i, c.sum)
		}
	}
	s.mu.Unlock()
	if len(rest) == 0 {
		return
	}
	var bad []ident
	moved := map[int]ident{}
	s.view(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketFile).Cursor()
		for _, i := range rest {
			id, sum, err := seekSummary(c, files[i])
			switch {
			case err != nil:
				bad = append(bad, id)
			case id == files[i].ident:
				found(i, sum)
			case id != ident{}:
				moved[i] = id
			}
		}
		return nil
	})
	s.dropDamaged(bad...)
	for i, id := range moved {
		s.adopt(files[i], id, func(sum summary) { found(i, sum) })
	}
}

// seekSummary finds the record of a file, or one that is the same but for the
// number of the device. Many filesystems get another number with each mount:
// there the change time must be the same, too, which no other file's is.
func seekSummary(c *bolt.Cursor, m meta) (id ident, sum summary, err error) {
	want := m.key()
	if k, v := c.Seek(want); bytes.Equal(k, want) {
		sum, err = decodeSummary(k, v)
		return m.ident, sum, err
	}
	version := want[:keyVersion]
	for k, v := c.Seek(version); k != nil && bytes.HasPrefix(k, version); k, v = c.Next() {
		sum, err = decodeSummary(k, v)
		if other, ok := parseKey(k); ok && err == nil && sum.ctime == m.ctime {
			return other, sum, nil
		}
	}
	return ident{}, summary{}, nil
}

// adopt files the result of id, if it is whole, for m as well.
func (s *store) adopt(m meta, id ident, found func(summary)) {
	h := s.hashes(id)
	if h == nil {
		return
	}
	var sum summary
	s.lookup([]meta{{ident: id}}, func(_ int, have summary) { sum = have })
	if sum.root == h.root {
		s.put(m.ident, sum, h)
		found(sum)
	}
}

func (s *store) dropDamaged(ids ...ident) {
	for _, id := range ids {
		s.log.Warn("damaged hash record: dropped", "inode", id.ino, "size", id.size)
		s.drop(id)
	}
}

// hashes returns the hashes of id, nil if they are not there (any more).
func (s *store) hashes(id ident) *hashes {
	s.mu.Lock()
	if h, ok := s.recent.Get(id); ok {
		s.mu.Unlock()
		return h
	}
	if c, ok := s.unwritten(id); ok && (c.h != nil || c.drop) {
		s.mu.Unlock()
		return c.h
	}
	s.mu.Unlock()

	var h *hashes
	var damage error
	s.view(func(tx *bolt.Tx) error {
		k := id.key()
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
		s.mu.Lock()
		s.recent.Put(id, h, h.bytes())
		s.mu.Unlock()
	}
	return h
}
