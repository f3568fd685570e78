package cache

import "fmt"

// Usage is what a Store takes, in bytes, and how it fares.
type Usage struct {
	Used     int64 // allocated to pieces
	Budget   int64
	Pinned   int64 // the part of Used that pins keep
	Room     int64 // what can still be stored before a piece has to go for it
	KeepFree int64 // of the file system, as far as its size is known
	// Trouble is why the last piece could not be stored; nil once one could.
	Trouble error
}

// Usage tells how the store is. It asks the file system, and no more.
func (s *Store) Usage() Usage {
	free, total, known := s.place.directory().Free()
	s.table.mu.RLock()
	u := Usage{Used: s.table.used, Budget: s.cfg.Size}
	u.Room = max(0, u.Budget-u.Used-s.table.reserved)
	for k := range s.table.pins {
		if e := s.table.index[k]; e != nil {
			u.Pinned += e.alloc
		}
	}
	s.table.mu.RUnlock()
	if known {
		u.KeepFree = s.cfg.keepFree(total)
		u.Room = min(u.Room, max(0, free-u.KeepFree))
	}
	u.Trouble = s.faults.trouble()
	return u
}

// Sync waits until the pieces stored so far are on the device, where the
// system can say so. It flushes all of the cache's file system, which may take
// long while others write to it.
func (s *Store) Sync() error {
	if err := s.place.directory().Sync(); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	return nil
}

// keepFree is the floor of free bytes on a file system of total bytes.
func (c *Config) keepFree(total int64) int64 {
	if c.KeepFree < 0 {
		return min(DefaultKeepFree, total/20)
	}
	return c.KeepFree
}
