package state

import (
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/store"
	"time"
)

// Needs reports whether an object is needed and not here.
func (s *State) Needs(h catalog.Hash) bool { return s.objects.needs(h) }

// Missing returns the objects that an author's newest head is known to need
// and that are not here. There may be more behind them: PutObject tells. In a
// State that is paced some are told, at least one if any is known.
func (s *State) Missing(k catalog.Key) []catalog.Hash { return s.wants.missing(k) }

// Wanting returns the authors whose newest head lacks objects.
func (s *State) Wanting() []catalog.Key { return s.wants.authors() }

// PutObject takes in an object that Needs told of; others are ignored. It may
// make a head visible: see View.
func (s *State) PutObject(data []byte, now time.Time) catalog.Progress {
	s.pace.now = now
	h := catalog.HashObject(data)
	p := catalog.Progress{Hash: h, New: s.objects.needs(h)}
	if !p.New {
		return p
	}
	o, err := catalog.DecodeObject(data)
	if err != nil {
		s.objects.spoil(s.objects.nodes[h])
		s.advance()
		return p
	}
	p.Missing = s.objects.insert(h, data, o)
	s.advance()
	s.wants.came(int64(len(data)) + store.ObjectWeight)
	s.advance()
	if s.objects.held > s.objects.limits.Drive {
		s.makeRoom()
	}
	return p
}
