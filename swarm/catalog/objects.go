package catalog

import (
	"maps"
	"slices"
	"time"
)

// Progress says what an object was good for.
type Progress struct {
	Hash    Hash
	New     bool   // it was needed and is here now
	Missing []Hash // what has become needed by it, and was not before
}

// Needs reports whether an object is needed and not here.
func (s *State) Needs(h Hash) bool {
	n := s.nodes[h]
	return n != nil && !n.here && !n.bad
}

// Missing returns the objects that an author's newest head is known to need
// and that are not here. There may be more behind them: PutObject tells. In a
// State that is paced some are told, at least one if any is known.
func (s *State) Missing(k Key) []Hash {
	a := s.authors[k]
	if a == nil || a.want == nil {
		return nil
	}
	return s.missing(a.want.Root, s.left > 0)
}

// Wanting returns the authors whose newest head lacks objects.
func (s *State) Wanting() []Key {
	var keys []Key
	for _, waiting := range s.roots {
		keys = slices.AppendSeq(keys, maps.Keys(waiting))
	}
	return keys
}

// weighEvery is how many bytes are put between two looks for authors that
// have more than they may.
const weighEvery = 8 << 20

// PutObject takes in an object that Needs told of; others are ignored. It may
// make a head visible: see View.
func (s *State) PutObject(data []byte, now time.Time) Progress {
	s.now = now
	h := HashObject(data)
	p := Progress{Hash: h, New: s.Needs(h)}
	if !p.New {
		return p
	}
	o, err := decodeObject(data)
	if err != nil {
		s.spoil(s.nodes[h])
		s.advance()
		return p
	}
	p.Missing = s.insert(h, data, nodeOf(o))
	s.advance()
	if s.unweighed += int64(len(data)) + objectWeight; s.unweighed > weighEvery {
		s.unweighed = 0
		s.rejectHeavy()
	}
	if s.held > s.limits.Drive {
		s.enforceBounds()
	}
	return p
}

// insert stores an object.
func (s *State) insert(h Hash, data []byte, n *node) (missing []Hash) {
	s.store.put(func(b *batch) { b.objects[h], b.nodes[h] = data, n.marshal() })
	return s.addNode(h, n)
}

// Publication is a catalogue of our own.
type Publication struct {
	Tree  Tree
	Name  string        // our display name
	Life  time.Duration // after which others may forget it; at least a second
	Began int64         // as in Summary
	Moved bool          // as in Summary
}

// Publish makes p our newest catalogue and returns its head, signed. While
// nothing is new, and most of the old head's life is still ahead, that one is
// returned again. ErrTooLarge, wrapped, if p is more than a member may have.
func (s *State) Publish(p Publication, now time.Time) (h Head, fresh bool, err error) {
	s.now = now
	for hash, data := range p.Tree.Objects {
		if n := s.nodes[hash]; n != nil && n.here {
			continue
		}
		o, err := decodeObject(data)
		if err != nil {
			return Head{}, false, err
		}
		s.insert(hash, data, nodeOf(o))
	}
	s.finish()
	if n := s.nodes[p.Tree.Root]; n == nil || !n.complete {
		return Head{}, false, s.unpublishable(n)
	} else if n.entries > s.limits.Entries || n.bytes > s.limits.Author {
		return Head{}, false, ErrTooLarge
	}
	a := s.authors[s.self.Key()]
	if a == nil {
		a = s.addAuthor(s.self.Key())
	}
	if old := a.shown; old != nil && old.Seq == a.seq && old.Root == p.Tree.Root && old.Name == p.Name &&
		!old.Time.After(now) && old.Expires.Sub(now) > p.Life-p.Life/4 {
		return *old, false, nil
	}
	h, err = SignHead(s.self, s.salt, NextSeq(a.seq, now), Summary{
		Root: p.Tree.Root, Files: p.Tree.Files, Bytes: p.Tree.Bytes,
		Time: now, Expires: now.Add(p.Life), Name: p.Name, Began: p.Began, Moved: p.Moved,
	})
	if err != nil {
		return Head{}, false, err
	}
	a.seq, a.seen = h.Seq, now
	s.setWant(a, &h)
	return h, true, nil
}

// unpublishable says why our own root is not complete.
func (s *State) unpublishable(n *node) error {
	if n != nil && n.bad {
		return ErrTooLarge
	}
	return ErrGone
}
