package swarm

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// errPanic ends what a bug of ours broke: the torrent, or the connection. The
// process and all other torrents go on.
var errPanic = errors.New("internal error")

// guard runs f; a panic in it is logged with its stack, counted, and returned
// as an error.
func (c *Client) guard(f func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.panics.Add(1)
			c.log.Error("panic", "err", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: %v", errPanic, p)
		}
	}()
	f()
	return nil
}

// Panics is how many bugs were caught; anything but 0 is worth a report.
func (c *Client) Panics() int64 { return c.panics.Load() }

// spawn runs f on a goroutine that the torrent waits for. A panic in it ends
// the torrent.
func (t *Torrent) spawn(f func()) {
	t.wg.Go(func() {
		if err := t.client.guard(f); err != nil {
			t.cancel(err)
		}
	})
}

// work runs f on a goroutine of its own, as many at once as there are cores.
func (t *Torrent) work(f func()) {
	t.spawn(func() {
		t.client.workers <- struct{}{}
		defer func() { <-t.client.workers }()
		f()
	})
}
