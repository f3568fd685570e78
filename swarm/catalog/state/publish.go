package state

import (
	"errors"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/store"
	"time"
)

// ErrTooLarge is a catalogue of our own beyond what other members would take.
var ErrTooLarge = errors.New("more files than a member may share")

// Publication is a catalogue of our own.
type Publication struct {
	Tree  catalog.Tree
	Name  string        // our display name
	Life  time.Duration // after which others may forget it; at least a second
	Began int64         // as in Summary
	Moved bool          // as in Summary
}

// Publish makes p our newest catalogue and returns its head, signed. While
// nothing is new, and most of the old head's life is still ahead, that one is
// returned again. ErrTooLarge, wrapped, if p is more than a member may have.
func (s *State) Publish(p Publication, now time.Time) (h catalog.Head, fresh bool, err error) {
	s.pace.now = now
	for hash, data := range p.Tree.Objects {
		if n := s.objects.nodes[hash]; n != nil && n.here {
			continue
		}
		o, err := catalog.DecodeObject(data)
		if err != nil {
			return catalog.Head{}, false, err
		}
		s.objects.insert(hash, data, o)
	}
	s.objects.finish()
	if n := s.objects.nodes[p.Tree.Root]; n == nil || !n.complete {
		return catalog.Head{}, false, unpublishable(n)
	} else if !s.objects.fits(n) {
		return catalog.Head{}, false, ErrTooLarge
	}
	a := s.ourselves()
	if old := a.shown; old != nil && old.Seq == a.seq && old.Root == p.Tree.Root && old.Name == p.Name &&
		!old.Time.After(now) && old.Expires.Sub(now) > p.Life-p.Life/4 {
		return *old, false, nil
	}
	h, err = catalog.SignHead(s.self, s.salt, catalog.NextSeq(a.seq, now), catalog.Summary{
		Root: p.Tree.Root, Files: p.Tree.Files, Bytes: p.Tree.Bytes,
		Time: now, Expires: now.Add(p.Life), Name: p.Name, Began: p.Began, Moved: p.Moved,
	})
	if err != nil {
		return catalog.Head{}, false, err
	}
	a.seq, a.seen = h.Seq, now
	s.objects.ref(h.Root)
	s.wants.drop(a)
	a.want = &h
	s.show(a) // takes nothing that is not ours, so that there is nothing to settle
	s.advance()
	return h, true, nil
}

// unpublishable says why our own root is not complete.
func unpublishable(n *node) error {
	if n != nil && n.bad {
		return ErrTooLarge
	}
	return store.ErrGone
}
