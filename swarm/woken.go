package swarm

import (
	"context"
	"errors"
	"p2pfs/swarm/netgroup"
	"slices"
	"sync"
	"time"
)

// maxWoken is how many torrents that incoming peers had made may stand idle.
// Whoever knows infohashes wakes as many as he likes; one that was ended too
// early is made again for the next who asks.
const maxWoken = 200

// trimWoken is how often it is looked whether one of too many stands idle.
const trimWoken = 250 * time.Millisecond

// mostWoken bounds them between two looks: nothing more is made then.
const mostWoken = 5 * maxWoken

var errWoken = errors.New("too many torrents were asked for at once")

// woken are the torrents that Config.Lookup made for incoming peers, and that
// end when they are idle. Safe for concurrent use.
type woken struct {
	lookups chan struct{} // room for connections whose torrent is looked for

	mu       sync.Mutex // guards what follows
	list     []*Torrent // the one woken last at the end
	trimming bool       // a goroutine looks after those that are too many
}

func newWoken() woken { return woken{lookups: make(chan struct{}, netgroup.MaxHalfOpen)} }

// add notes a torrent, and reports whether they are too many now and nobody
// looks after that.
func (w *woken) add(t *Torrent) (tooMany bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if slices.Contains(w.list, t) {
		return false
	}
	w.list = append(w.list, t)
	if len(w.list) <= maxWoken || w.trimming {
		return false
	}
	w.trimming = true
	return true
}

// full reports whether there is no room for one more.
func (w *woken) full() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.list) >= mostWoken
}

// trim takes out those that are too many, as far as nobody is connected to them
// and no reader waits for them, the one woken longest ago first: they are to
// end. Where all are in use, the bound on connections bounds them. It reports
// whether it must be called again.
func (w *woken) trim() (idle []*Torrent, again bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = slices.DeleteFunc(w.list, func(t *Torrent) bool { return t.Err() != nil })
	excess := len(w.list) - maxWoken
	w.list = slices.DeleteFunc(w.list, func(t *Torrent) bool {
		if s := t.Stats(); len(idle) >= excess || s.Peers > 0 || s.Waiting > 0 {
			return false
		}
		idle = append(idle, t)
		return true
	})
	w.trimming = len(w.list) > maxWoken
	return idle, w.trimming
}

// wake makes the torrent that Lookup describes.
func (w *woken) wake(c *Client, spec Spec) (*Torrent, error) {
	if w.full() {
		return nil, errWoken
	}
	t, err := c.Add(spec)
	if err == nil && spec.Idle > 0 && w.add(t) {
		c.wg.Go(func() { w.keep(c.ctx) })
	}
	return t, err
}

// keep ends idle torrents until they are not too many any more.
func (w *woken) keep(ctx context.Context) {
	tick := time.NewTicker(trimWoken)
	defer tick.Stop()
	for again := true; again; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		var idle []*Torrent
		for idle, again = w.trim(); len(idle) > 0; idle = idle[1:] {
			idle[0].Close()
		}
	}
}
