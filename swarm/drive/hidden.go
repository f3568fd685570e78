package drive

import (
	"maps"

	"p2pfs/swarm/catalog"
)

// Hides says of a member whether he is to be left out of the views of this
// machine, given his key, the sequence number of the head that is shown of him,
// and whether he is connected. It is called from the drive's loop, must answer
// from memory and be safe for concurrent use. For others nothing changes: his
// catalogue is kept and handed on.
type Hides func(k catalog.Key, seq int64, connected bool) bool

// filter makes the views that are told from those of the State.
type filter struct {
	hides  Hides
	from   *catalog.View // what the last one was made from
	to     *catalog.View
	hidden map[catalog.Key]bool // of from
	stale  bool                 // an answer of hides may be another one
}

// view is what is shown of v.
func (f *filter) view(v *catalog.View, connected func(catalog.Key) bool) *catalog.View {
	switch {
	case f.hides == nil:
		return v
	case v == f.from && !f.stale:
		return f.to
	}
	hidden := make(map[catalog.Key]bool)
	shown := v.Without(func(k catalog.Key, seq int64) bool {
		if f.hides(k, seq, connected(k)) {
			hidden[k] = true
		}
		return hidden[k]
	})
	if v != f.from || !maps.Equal(hidden, f.hidden) {
		f.from, f.to, f.hidden = v, shown, hidden
	}
	f.stale = false
	return f.to
}

// shown is the namespace without who is hidden.
func (l *loop) shown() *catalog.View {
	return l.filter.view(l.state.View(), func(k catalog.Key) bool { return l.conns[k] != nil })
}

// Refilter has Config.Hides asked again about all members, and returns when
// View shows what comes of it; ErrClosed if the drive is closed before.
func (d *Drive) Refilter() error {
	done := ask(d, func(l *loop) bool {
		l.filter.stale = true
		l.d.view.Store(l.shown())
		return true
	})
	if !done {
		return ErrClosed
	}
	return nil
}
