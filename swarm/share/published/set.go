package published

import (
	"encoding/binary"
	"hash/maphash"
	"slices"
	"strings"
	"sync"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
)

// Set finds published entries. It is safe for concurrent use; its lock is held
// for map operations only, but by Files.
type Set struct {
	seed maphash.Seed

	mu sync.RWMutex
	// one has an entry by a number made of each thing that it is found by:
	// its path, its two infohashes and its root. Where several have the same
	// number, as equal files do, the others are in more.
	one   map[uint64]*Entry
	more  map[uint64][]*Entry
	count Counts
}

// Counts says what is in a Set.
type Counts struct {
	Files, Links, Dirs int
	Bytes              int64 // of the Files
}

func (c *Counts) add(e *Entry, n int) {
	switch e.Kind {
	case Regular:
		c.Files += n
		c.Bytes += int64(n) * e.ID.Size
	case Symlink:
		c.Links += n
	case Dir:
		c.Dirs += n
	}
}

func (c *Counts) all() int { return c.Files + c.Links + c.Dirs }

// NewSet returns an empty one.
func NewSet() *Set {
	return &Set{seed: maphash.MakeSeed(), one: map[uint64]*Entry{}, more: map[uint64][]*Entry{}}
}

func rootNumber(root metainfo.Hash256) uint64 { return binary.NativeEndian.Uint64(root[:]) }

// hashNumber is another than that of a root with the same bytes.
func hashNumber(ih metainfo.Hash) uint64 { return ^binary.NativeEndian.Uint64(ih[:]) }

func (s *Set) pathNumber(dir, name string) uint64 {
	var h maphash.Hash
	h.SetSeed(s.seed)
	if dir != "" {
		h.WriteString(dir)
		h.WriteByte('/')
	}
	h.WriteString(name)
	return h.Sum64()
}

// numbers calls f with each number that e is found by, and its path's first.
func (s *Set) numbers(e *Entry, f func(k uint64, e *Entry)) {
	f(s.pathNumber(e.Dir, e.Name), e)
	if e.Hashed() {
		f(rootNumber(e.Root), e)
		f(hashNumber(e.V1), e)
		f(hashNumber(e.V2), e)
	}
}

func (s *Set) add(k uint64, e *Entry) {
	if _, ok := s.one[k]; !ok {
		s.one[k] = e
		return
	}
	s.more[k] = append(s.more[k], e)
}

func (s *Set) remove(k uint64, e *Entry) {
	rest := s.more[k]
	if s.one[k] == e {
		if len(rest) == 0 {
			delete(s.one, k)
			return
		}
		s.one[k] = rest[len(rest)-1]
		rest = rest[:len(rest)-1]
	} else if i := slices.Index(rest, e); i >= 0 {
		rest[i] = rest[len(rest)-1]
		rest = rest[:len(rest)-1]
	}
	if len(rest) == 0 {
		delete(s.more, k)
	} else {
		s.more[k] = rest
	}
}

// apply takes the old entries out and puts the new ones in, in one step.
func (s *Set) apply(changes map[string]change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range changes {
		if c.old != nil {
			s.count.add(c.old, -1)
			s.numbers(c.old, s.remove)
		}
		if c.new != nil {
			s.count.add(c.new, 1)
			s.numbers(c.new, s.add)
		}
	}
}

// find returns one entry of a number that is as asked.
func (s *Set) find(k uint64, is func(e *Entry) bool) (*Entry, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if e := s.one[k]; e == nil || is(e) {
		return e, e != nil
	}
	if i := slices.IndexFunc(s.more[k], is); i >= 0 {
		return s.more[k][i], true
	}
	return nil, false
}

// ByPath returns the entry of a path.
func (s *Set) ByPath(path string) (*Entry, bool) {
	dir, name := Split(path)
	return s.find(s.pathNumber(dir, name), func(e *Entry) bool { return e.Dir == dir && e.Name == name })
}

// ByHash returns an entry with one of whose torrents has that infohash, in the
// 20 bytes of a handshake.
func (s *Set) ByHash(ih metainfo.Hash) (*Entry, bool) {
	return s.find(hashNumber(ih), func(e *Entry) bool { return e.Hashed() && (e.V1 == ih || e.V2 == ih) })
}

// ByContent returns an entry with these contents. Of several it is any one.
func (s *Set) ByContent(c metainfo.Content) (*Entry, bool) {
	return s.find(rootNumber(c.Root), func(e *Entry) bool { return e.Hashed() && e.Content() == c })
}

// Block returns an entry of at most one block with that SHA-256, which is its
// pieces root, too.
func (s *Set) Block(sum metainfo.Hash256) (*Entry, bool) {
	return s.find(rootNumber(sum), func(e *Entry) bool {
		return e.Hashed() && e.Root == sum && e.ID.Size <= hashing.BlockSize
	})
}

// AllByContent returns all entries with these contents.
func (s *Set) AllByContent(c metainfo.Content) (all []*Entry) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	k := rootNumber(c.Root)
	if e := s.one[k]; e != nil {
		for _, e := range append([]*Entry{e}, s.more[k]...) {
			if e.Hashed() && e.Content() == c {
				all = append(all, e)
			}
		}
	}
	return all
}

// Count says what is in it.
func (s *Set) Count() Counts {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.count
}

func (s *Set) size() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.count.all()
}

// Files lists everything, sorted by Path in byte order: it takes as long as
// there are entries.
func (s *Set) Files() []File {
	s.mu.RLock()
	files := make([]File, 0, s.count.all())
	list := func(k uint64, e *Entry) {
		if k == s.pathNumber(e.Dir, e.Name) {
			files = append(files, e.File())
		}
	}
	for k, e := range s.one {
		list(k, e)
	}
	for k, rest := range s.more {
		for _, e := range rest {
			list(k, e)
		}
	}
	s.mu.RUnlock()
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return files
}
