// Package peer moves messages over one connection (BEP 3): a goroutine that
// reads, a goroutine that writes, and no decision.
//
// The reader turns bytes into Messages and hands them on in batches, blocks
// already in buffers of their own. The writer sends what was appended to the
// outbox and reads the blocks it uploads at the moment it writes them, so
// that a choke or a cancel can still take them back. Where rates are limited,
// payload waits and control messages do not. All methods of Conn are
// safe for concurrent use and none blocks.
package peer

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"p2pfs/swarm/guard"
	"p2pfs/swarm/wire"
)

const (
	// idleTimeout closes a connection on which nothing came (BEP 3: peers
	// send a keep-alive every two minutes).
	idleTimeout = 150 * time.Second
	// keepAlive is the longest silence of ours.
	keepAlive = 100 * time.Second
	// writeTimeout bounds one write; a peer that reads nothing is closed.
	writeTimeout = 30 * time.Second
	// maxControl bounds the bytes of control messages that wait to be sent.
	maxControl = 1 << 20
	// MaxUploads is how many requests of a peer may wait.
	MaxUploads = 2000
)

// Errors that Closed may be told, besides those of the connection and wire's.
var (
	ErrClosed  = errors.New("closed by us")
	ErrTooSlow = errors.New("peer does not read what we send")
)

// A Message is one that came. Which fields are set depends on ID.
type Message struct {
	ID    byte
	Index int        // have, suggest, allowed fast
	Block wire.Block // request, cancel, reject, piece
	Data  *Buffer    // piece: the receiver must release it
	Body  []byte     // all others: the payload, a copy of its own
}

// A Handler gets what comes. Messages may block, which stops the reader and
// so the peer; the batch is the handler's until it calls Recycle. Closed is
// the last call.
type Handler interface {
	Messages(c *Conn, batch []Message)
	Closed(c *Conn, err error)
}

// A Source gives the data of blocks that are uploaded. It must be safe for
// concurrent use; dst is as long as the block, which may be several that follow
// one another in their piece.
type Source interface {
	ReadBlock(dst []byte, b wire.Block) error
}

// Config is what a Conn needs.
type Config struct {
	Net     net.Conn
	Pool    *Pool
	Source  Source
	Handler Handler
	Fast    bool // BEP 6 was agreed: an upload that fails is rejected
	Pieces  int  // in the torrent; 0 not known yet
	// Up and Down limit the payload that is sent and received, together with
	// all other connections that share them; nil is no limit. They are made
	// by NewLimiter.
	Up, Down *rate.Limiter
	// Guard keeps a panic to the connection that set it off.
	Guard *guard.Guard
}

// A Conn is one connection after its handshake.
type Conn struct {
	Config
	pieces   atomic.Int64
	received atomic.Int64 // payload bytes
	sent     atomic.Int64
	expected atomic.Int64 // blocks that are asked for and have not come
	held     atomic.Bool  // the reader waits for Down
	wake     chan struct{}
	done     chan struct{}
	batches  chan []Message // recycled

	// mu guards the outbox. It is here and not on the torrent's goroutine
	// because messages of many calls are then sent by one write, without a
	// channel operation each; it is never held across I/O.
	mu      sync.Mutex
	control []byte
	uploads []wire.Block
	err     error
}

// Start begins to read and write. The handler's Closed is called when both
// have ended.
func Start(cfg Config) *Conn {
	c := &Conn{Config: cfg, wake: make(chan struct{}, 1), done: make(chan struct{}), batches: make(chan []Message, 2)}
	c.pieces.Store(int64(cfg.Pieces))
	var wg sync.WaitGroup
	wg.Go(func() { c.Close(c.guarded(c.read)) })
	wg.Go(func() { c.Close(c.guarded(c.write)) })
	go func() {
		wg.Wait()
		c.Guard.Do(func() { c.Handler.Closed(c, c.err) })
	}()
	return c
}

// guarded runs one direction of the connection until it ends.
func (c *Conn) guarded(f func() error) (err error) {
	if panicked := c.Guard.Do(func() { err = f() }); panicked != nil {
		return panicked
	}
	return err
}

// SetPieces tells the number of pieces once the metadata is known.
func (c *Conn) SetPieces(n int) { c.pieces.Store(int64(n)) }

// Received and Sent are the payload bytes so far.
func (c *Conn) Received() int64 { return c.received.Load() }

// Sent is the number of payload bytes uploaded so far.
func (c *Conn) Sent() int64 { return c.sent.Load() }

// Expect tells how many blocks are asked for and have not come, so that they
// can be read with few system calls and in time.
func (c *Conn) Expect(n int) { c.expected.Store(int64(n)) }

// Held reports whether nothing is read just now because of the limit on what
// is received: a peer that seems silent need not be.
func (c *Conn) Held() bool { return c.held.Load() }

// Close ends the connection; the first error given is the one that Closed is
// told.
func (c *Conn) Close(err error) {
	if err == nil {
		err = ErrClosed
	}
	c.mu.Lock()
	first := c.err == nil
	if first {
		c.err = err
	}
	c.mu.Unlock()
	if first {
		close(c.done)
		c.Net.Close()
	}
}

// Send appends messages to what is to be written; add must only append to
// dst and return it. A peer that does not read is closed when too much waits.
func (c *Conn) Send(add func(dst []byte) []byte) {
	c.mu.Lock()
	c.control = add(c.control)
	full := len(c.control) > maxControl
	c.mu.Unlock()
	if full {
		c.Close(ErrTooSlow)
		return
	}
	c.rouse()
}

// Upload queues a block for the peer. It reports false when too many wait.
func (c *Conn) Upload(b wire.Block) bool {
	c.mu.Lock()
	ok := len(c.uploads) < MaxUploads
	if ok {
		c.uploads = append(c.uploads, b)
	}
	c.mu.Unlock()
	if ok {
		c.rouse()
	}
	return ok
}

// Uploading is the number of blocks that wait to be uploaded.
func (c *Conn) Uploading() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.uploads)
}

// CancelUpload takes a queued block back and reports whether it still waited.
func (c *Conn) CancelUpload(b wire.Block) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, u := range c.uploads {
		if u == b {
			c.uploads = append(c.uploads[:i], c.uploads[i+1:]...)
			return true
		}
	}
	return false
}

// DropUploads takes back every queued block that keep does not want.
func (c *Conn) DropUploads(keep func(wire.Block) bool) (dropped []wire.Block) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := c.uploads[:0]
	for _, u := range c.uploads {
		if keep(u) {
			kept = append(kept, u)
		} else {
			dropped = append(dropped, u)
		}
	}
	c.uploads = kept
	return dropped
}

func (c *Conn) rouse() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Recycle gives a batch back that the handler is done with.
func (c *Conn) Recycle(batch []Message) {
	clear(batch)
	select {
	case c.batches <- batch[:0]:
	default:
	}
}
