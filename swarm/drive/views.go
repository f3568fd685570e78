package drive

import (
	"maps"
	"sync/atomic"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/union"
)

// Hides says of a member whether he is to be left out of the views of this
// machine, given his key, the sequence number of the head that is shown of him,
// and whether he is connected. It is called from the drive's loop, must answer
// from memory and be safe for concurrent use. For others nothing changes: his
// catalogue is kept and handed on.
type Hides func(k catalog.Key, seq int64, connected bool) bool

// views makes the views that are shown from those of the State, and tells of them.
// Owned by the loop, but for current.
type views struct {
	hides     Hides
	connected func(catalog.Key) bool
	tell      func(now, before *union.View) bool // false: not now
	current   atomic.Pointer[union.View]

	from   *union.View // what the last one was made from
	to     *union.View
	hidden map[catalog.Key]bool // of from
	stale  bool                 // an answer of hides may be another one
	told   *union.View          // the last that was told of
}

// show makes what is shown of v current, and returns it.
func (w *views) show(v *union.View) *union.View {
	shown := w.shown(v)
	w.current.Store(shown)
	return shown
}

func (w *views) shown(v *union.View) *union.View {
	switch {
	case w.hides == nil:
		return v
	case v == w.from && !w.stale:
		return w.to
	}
	hidden := make(map[catalog.Key]bool)
	shown := v.Without(func(k catalog.Key, seq int64) bool {
		if w.hides(k, seq, w.connected(k)) {
			hidden[k] = true
		}
		return hidden[k]
	})
	if v != w.from || !maps.Equal(hidden, w.hidden) {
		w.from, w.to, w.hidden = v, shown, hidden
	}
	w.stale = false
	return w.to
}

// update shows v and tells of it. While the caller is busy with earlier views it
// is told later, of several changes at once.
func (w *views) update(v *union.View) {
	if now := w.show(v); now != w.told && w.tell(now, w.told) {
		w.told = now
	}
}

// Refilter has Config.Hides asked again about all members, and returns when
// View shows what comes of it; ErrClosed if the drive is closed before.
func (d *Drive) Refilter() error {
	done := ask(d, func(l *loop) bool {
		l.views.stale = true
		l.views.show(l.state.View())
		return true
	})
	if !done {
		return ErrClosed
	}
	return nil
}
