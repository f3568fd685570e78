package swarm

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"

	"p2pfs/swarm/book"
	"p2pfs/swarm/metainfo"
)

// Errors of a Torrent.
var (
	// ErrClosed is returned once the torrent was closed, by its caller or
	// because it was idle for as long as its Spec allows.
	ErrClosed = errors.New("torrent is closed")
)

// A Torrent is a handle to one swarm. It is safe for concurrent use. What
// changes is owned by a goroutine of its own, the loop; the handle holds
// immutable fields and channels.
type Torrent struct {
	client *Client
	spec   Spec
	naming naming
	log    *slog.Logger

	events chan event
	ready  chan struct{} // closed when content is set
	whole  chan struct{} // closed when every piece is held
	done   chan struct{} // closed when the loop has ended
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup // all goroutines of the torrent

	content atomic.Pointer[content]
	hot     hot
	err     error // why the loop ended; set before done is closed

	once     sync.Once // closes the storage
	closeErr error
	stats    atomic.Pointer[Stats]
}

// content is what is known once there is metadata. It is replaced, never
// changed.
type content struct {
	meta    *metainfo.MetaInfo
	storage Storage
}

func (c *content) info() *metainfo.Info { return c.meta.Info }

// InfoHashes are the 20-byte infohashes the torrent is known by.
func (t *Torrent) InfoHashes() []metainfo.Hash { return t.naming.hashes }

// Done is closed when the torrent has ended; Err then tells why.
func (t *Torrent) Done() <-chan struct{} { return t.done }

// Err is why the torrent ended, nil before.
func (t *Torrent) Err() error {
	select {
	case <-t.done:
		return t.err
	default:
		return nil
	}
}

// Metadata waits until the metadata is known.
func (t *Torrent) Metadata(ctx context.Context) (*metainfo.MetaInfo, error) {
	c, err := t.wait(ctx)
	if err != nil {
		return nil, err
	}
	return c.meta, nil
}

func (t *Torrent) wait(ctx context.Context) (*content, error) {
	select {
	case <-t.ready:
		return t.content.Load(), nil
	default:
	}
	select {
	case <-t.ready:
		return t.content.Load(), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-t.done:
		return nil, t.err
	}
}

// Wait blocks until every piece that the Spec asks for is verified and held.
func (t *Torrent) Wait(ctx context.Context) error {
	select {
	case <-t.whole:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-t.done:
		return t.err
	}
}

// AddPeers tells the torrent of peers to dial when it needs one.
func (t *Torrent) AddPeers(addrs []netip.AddrPort) {
	t.post(addrsEvent{addrs: addrs, from: book.User})
}

// Evicted tells the torrent that its storage dropped a piece.
func (t *Torrent) Evicted(piece int) { t.post(lostEvent{piece}) }

// Announce begins to announce a torrent whose Spec asked for less, and keeps
// it although it is idle.
func (t *Torrent) Announce() { t.post(announceEvent{}) }

// Close ends the torrent: reads fail with ErrClosed, trackers are told
// `stopped` for at most 2 s, and every goroutine has ended when it returns.
func (t *Torrent) Close() error {
	t.cancel(ErrClosed)
	return t.finish()
}

// finish waits for the torrent's goroutines and closes its storage.
func (t *Torrent) finish() error {
	t.wg.Wait()
	t.once.Do(func() {
		t.drain()
		if c := t.content.Load(); c != nil {
			t.closeErr = c.storage.Close()
		}
	})
	return t.closeErr
}

// post hands an event to the loop and blocks until it takes it. It reports
// false when the torrent has ended.
func (t *Torrent) post(e event) bool {
	select {
	case t.events <- e:
		return true
	case <-t.done:
		return false
	}
}

// offer hands an event to a loop that is not busy, and otherwise drops it: for who
// must not wait.
func (t *Torrent) offer(e event) {
	select {
	case t.events <- e:
	default:
	}
}

// spawn runs f on a goroutine that the torrent waits for. A panic in it ends
// the torrent.
func (t *Torrent) spawn(f func()) {
	t.wg.Go(func() {
		if err := t.client.guard.Do(f); err != nil {
			t.cancel(err)
		}
	})
}

// discarder is an event that carries something which must not be lost when
// the loop ends before it.
type discarder interface{ discard(*Torrent) }

// drain gives back what events carry that the loop did not take.
func (t *Torrent) drain() {
	for {
		select {
		case e := <-t.events:
			if d, ok := e.(discarder); ok {
				d.discard(t)
			}
		default:
			return
		}
	}
}

func (e joinEvent) discard(t *Torrent) {
	e.conn.Close()
	t.client.dialler.limits.left()
}

func (e openedEvent) discard(*Torrent) {
	if e.err == nil {
		e.storage.Close()
	}
}

func (e batchEvent) discard(t *Torrent) {
	for _, m := range e.batch {
		if m.Data != nil {
			m.Data.Release()
		}
	}
}

// A piece that verified is released by its writer's storedEvent.
func (e hashedEvent) discard(*Torrent) {
	if !e.Good() {
		e.Data.Release()
	}
}

func (e storedEvent) discard(*Torrent) { e.Data.Release() }
