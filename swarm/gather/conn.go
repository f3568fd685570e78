package gather

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"p2pfs/swarm/book"
	"p2pfs/swarm/netgroup"
	"p2pfs/swarm/places"
	"p2pfs/swarm/wire"
)

const (
	writeTime = 30 * time.Second  // for one write
	keepAlive = 100 * time.Second // of silence until we send a keep-alive
)

// Bounds of a connection's queues, in messages.
const (
	sendQueue  = 256 // of who never waits: full closes the connection
	replyQueue = 4   // of the reader, which waits: a peer that does not read is not read from
)

// ourExtID is the id that we want our extension's messages under (BEP 10).
const ourExtID = 1

// A Conn is a connection of a swarm whose handshakes are over (BEP 3, 10). It
// carries messages of one extension. Read and what else reads is for one goroutine;
// all other methods are safe for concurrent use.
type Conn struct {
	Remote  netip.AddrPort // the other end; zero if it has no address
	Dialled netip.AddrPort // where we dialled; zero if it came to us
	Hello   Hello

	reader
	extID byte // the id that the peer wants our messages under

	sends, replies chan []byte
	offers         chan []byte            // one at a time
	owing          atomic.Pointer[func()] // called when the last offer was taken; nil: no more is to be offered
	done           chan struct{}          // closed when the connection is
	once           sync.Once
	err            error // why it was closed; read after done

	seat
}

// Hello is what the handshakes of a connection told.
type Hello struct {
	// Dialler and Acceptor are random, and new for each connection: what is proven
	// over them is of no use on another.
	Dialler, Acceptor [32]byte
	// Identity is what the carrier proves of the connection (see Carrier).
	Identity []byte
	// Port is where we listen; 0: nowhere.
	Port uint16
	// Probe: we dialled only to find out who listens there.
	Probe bool
}

// seat is what a Gathering knows of a connection: guarded by its mu, but for what
// is atomic.
type seat struct {
	id      int // never used again
	who     Who
	listen  netip.AddrPort // where he says he listens; zero: nowhere
	reached bool           // by a dial
	since   time.Time
	active  atomic.Int64 // Unix nanoseconds: when it was last of use
	served  atomic.Int64 // bytes that we asked for and got
}

// NewConn makes a Conn of a connection to dialled, or, where that is zero, of one
// that came to us. Its messages have at most so many bytes.
func NewConn(c net.Conn, dialled netip.AddrPort, most int) *Conn {
	remote, _ := netip.ParseAddrPort(c.RemoteAddr().String())
	return &Conn{
		Remote: netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port()), Dialled: dialled,
		reader: reader{net: c, in: bufio.NewReaderSize(c, 32<<10), most: most, greeting: true},
		sends:  make(chan []byte, sendQueue), replies: make(chan []byte, replyQueue), offers: make(chan []byte, 1),
		done: make(chan struct{}),
	}
}

// Close ends the connection for a reason; the first one counts.
func (c *Conn) Close(err error) {
	c.once.Do(func() {
		c.err = err
		close(c.done)
		c.net.Close()
	})
}

// Greeted notes that the handshakes and what else says who that is are through: from
// now on each message has its own deadline.
func (c *Conn) Greeted() { c.greeting = false }

// Done is closed when the connection is.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err is why the connection was closed, once it is.
func (c *Conn) Err() error {
	<-c.done
	return c.err
}

// Listen is where a peer listens who says that it is at that port: where we dialled
// him, else at the address he came from. Zero: nowhere that can be dialled.
func (c *Conn) Listen(port uint16) netip.AddrPort {
	if c.Dialled.IsValid() {
		return c.Dialled
	}
	if a := netip.AddrPortFrom(c.Remote.Addr(), port); netgroup.Dialable(a) && a.Addr().Zone() == "" {
		return a
	}
	return netip.AddrPort{}
}

// Useful notes that the peer was of use, with so many bytes that we asked for: so
// he keeps his place for longer.
func (c *Conn) Useful(n int, now time.Time) {
	c.active.Store(now.UnixNano())
	c.served.Add(int64(n))
}

// Send queues a message without waiting. If there is no room the connection is
// closed: a peer that does not read what he is told is of no use.
func (c *Conn) Send(body []byte) {
	select {
	case c.sends <- c.frame(body):
	default:
		c.Close(ErrSlow)
	}
}

// Queue queues bytes that are no message of the extension, such as a handshake, and
// waits for room; false: the connection is closed.
func (c *Conn) Queue(b []byte) bool {
	select {
	case c.sends <- b:
		return true
	case <-c.done:
		return false
	}
}

// Busy reports whether so much waits to be sent that what can wait should.
func (c *Conn) Busy() bool { return len(c.sends) >= sendQueue/2 }

// Reply queues a message and waits for room. For the goroutine that reads.
func (c *Conn) Reply(body []byte) {
	select {
	case c.replies <- c.frame(body):
	case <-c.done:
	}
}

// Owe has more called, once, when the last offer was taken: there is more to be
// offered. Nil: there is not.
func (c *Conn) Owe(more func()) {
	if more == nil {
		c.owing.Store(nil)
		return
	}
	c.owing.Store(&more)
}

// Offered reports whether an offer waits to be sent.
func (c *Conn) Offered() bool { return len(c.offers) > 0 }

// Offer queues a message behind which nothing else waits. Only one goroutine may
// offer, and only where none is Offered.
func (c *Conn) Offer(body []byte) { c.offers <- c.frame(body) }

func (c *Conn) frame(body []byte) []byte {
	return wire.AppendExtended(make([]byte, 0, len(body)+6), c.extID, body)
}

// Run sends what is queued until the connection is closed, and a keep-alive when
// nothing was for so long.
func (c *Conn) Run(keepAlive time.Duration) {
	timer := time.NewTimer(keepAlive)
	defer timer.Stop()
	for {
		var b []byte
		select { // what somebody may not wait with goes first
		case b = <-c.sends:
		default:
			select {
			case b = <-c.sends:
			case b = <-c.replies: // these two by turns: neither keeps the other waiting
			case b = <-c.offers:
			case <-timer.C:
				b = wire.AppendKeepAlive(nil)
			case <-c.done:
				return
			}
		}
		c.net.SetWriteDeadline(time.Now().Add(writeTime))
		if _, err := c.net.Write(b); err != nil {
			c.Close(fmt.Errorf("write: %w", err))
			return
		}
		timer.Reset(keepAlive)
		if more := c.owing.Load(); more != nil && len(c.offers) == 0 {
			(*more)()
		}
	}
}

// place is the connection as a places.Rule sees it.
func (c *Conn) place() places.Place {
	return places.Place{
		ID: c.id, Group: netgroup.Of(c.Remote.Addr()), Dialled: c.Dialled.IsValid(), Trusted: c.who.Trusted, Met: c.who.Met,
		Since: c.since, Active: time.Unix(0, c.active.Load()), Served: c.served.Load(),
	}
}

// Who is at the other end of a connection.
type Who struct {
	Owner   book.Owner // proven
	Port    uint16     // at which he says he listens; 0: nowhere
	Trusted bool       // he is never asked to make room
	Met     bool       // he was here once before
}
