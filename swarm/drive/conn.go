package drive

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/gossip"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/netgroup"
	"p2pfs/swarm/wire"
)

// Times of a connection.
const (
	handshakeTime = 10 * time.Second  // until both hellos are through, in all
	writeTime     = 30 * time.Second  // for one write
	keepAlive     = 100 * time.Second // of silence until we send a keep-alive
	idleTime      = 150 * time.Second // of silence until we close (BEP 3: keep-alives every two minutes)
	messageTime   = 60 * time.Second  // for one message, once it has begun
)

// Bounds of a connection's queues, in messages.
const (
	controlQueue = 256 // from the loop, which never waits: full closes the connection
	dataQueue    = 4   // from the reader, which waits: a peer that does not read is not read from
)

// ourExtID is the id that we want p2pfs messages under (BEP 10).
const ourExtID = 1

// conn is a connection to a member, or to what may turn out to be one. Its
// fields up to done are set before the loop learns of it.
type conn struct {
	net     net.Conn
	in      *bufio.Reader
	dialled netip.AddrPort // where we dialled; zero if it came to us
	remote  netip.AddrPort // the other end; zero if it has no address
	extID   byte           // the id that the peer wants p2pfs messages under
	key     catalog.Key
	name    string
	listen  netip.AddrPort // where the member says he listens; zero: nowhere
	clock   time.Time      // his clock, and
	clockAt time.Time      // when that was

	greeting     bool // the handshake is not over; owned by the reader, as are the following
	ignored      int  // messages of no use since ignoredSince
	ignoredSince time.Time
	allowance    *rate.Limiter // of questions and the like
	headRoom     *rate.Limiter // of heads, which must not delay the others

	owing   atomic.Bool // the loop has more heads to send: the writer is to tell when it has taken the last
	control chan []byte
	data    chan []byte
	heads   chan []byte   // from the loop, one at a time; owing: it has more
	done    chan struct{} // closed when the connection is
	owed    *sending      // objects that the peer asked for

	once sync.Once
	err  error // why it was closed; read after done

	member // owned by the loop
}

func newConn(c net.Conn, dialled netip.AddrPort) *conn {
	remote, _ := netip.ParseAddrPort(c.RemoteAddr().String())
	return &conn{
		net: c, in: bufio.NewReaderSize(c, 32<<10), dialled: dialled,
		allowance: rate.NewLimiter(allowancePerS, allowance), greeting: true,
		headRoom: rate.NewLimiter(gossip.PerS, gossip.Burst), heads: make(chan []byte, 1),
		remote:  netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port()),
		control: make(chan []byte, controlQueue), data: make(chan []byte, dataQueue), done: make(chan struct{}), owed: newSending(),
	}
}

// close ends the connection for a reason; the first one counts.
func (c *conn) close(err error) {
	c.once.Do(func() {
		c.err = err
		close(c.done)
		c.net.Close()
	})
}

// group returns the address group that the connection counts in.
func (c *conn) group() netip.Prefix { return netgroup.Of(c.remote.Addr()) }

// send queues a message without waiting. If there is no room the connection is
// closed: a member that does not read what he is told is of no use.
func (c *conn) send(m message.Message) {
	select {
	case c.control <- c.frame(m):
	default:
		c.close(ErrSlow)
	}
}

// reply queues a message and waits for room. For the reader's goroutine.
func (c *conn) reply(m message.Message) {
	select {
	case c.data <- c.frame(m):
	case <-c.done:
	}
}

func (c *conn) frame(m message.Message) []byte {
	body := m.Encode()
	return wire.AppendExtended(make([]byte, 0, len(body)+6), c.extID, body)
}

// write sends what is queued until the connection is closed. It calls drained
// when the loop's queue has become empty while more is owed.
func (c *conn) write(drained func()) {
	timer := time.NewTimer(keepAlive)
	defer timer.Stop()
	for {
		var b []byte
		select { // what the loop has to say goes first
		case b = <-c.control:
		default:
			select {
			case b = <-c.control:
			case b = <-c.data: // these two by turns: neither keeps the other waiting
			case b = <-c.heads:
			case <-timer.C:
				b = wire.AppendKeepAlive(nil)
			case <-c.done:
				return
			}
		}
		c.net.SetWriteDeadline(time.Now().Add(writeTime))
		if _, err := c.net.Write(b); err != nil {
			c.close(fmt.Errorf("write: %w", err))
			return
		}
		timer.Reset(keepAlive)
		if len(c.heads) == 0 && c.owing.Load() {
			drained()
		}
	}
}

// Budgets of what a peer may send unasked. A reader that runs out of allowance
// stops reading for a while; one that gets too much it cannot use closes.
const (
	allowance      = 20_000 // questions and the like at once
	allowancePerS  = 200    // and per second from then on
	ignoredPerMin  = 1000   // messages of other protocols a minute
	maxUnaskedData = 1 << 20
)

// read returns the next p2pfs message, skipping all others. Errors wrap those
// of errors.go or are the connection's.
func (c *conn) read() (message.Message, error) {
	for {
		ext, body, err := c.readExtended()
		if err != nil {
			return nil, err
		}
		if ext != ourExtID { // a later extended handshake may change nothing for us
			if err := c.ignore(); err != nil {
				return nil, err
			}
			continue
		}
		m, err := message.Decode(body)
		if m != nil || err != nil {
			return m, err
		}
		if err := c.ignore(); err != nil {
			return nil, err
		}
	}
}

// ignore counts a message that is of no use.
func (c *conn) ignore() error {
	if now := time.Now(); now.Sub(c.ignoredSince) > time.Minute {
		c.ignoredSince, c.ignored = now, 0
	}
	if c.ignored++; c.ignored > ignoredPerMin {
		return ErrFlood
	}
	return nil
}

// readExtended returns the next extended message, with its body if that is of
// p2pfs or an extended handshake.
func (c *conn) readExtended() (ext byte, body []byte, err error) {
	for {
		id, n, err := c.readHeader()
		if err != nil {
			return 0, nil, err
		}
		if id == wire.MsgExtended && n > 0 {
			if ext, err = c.in.ReadByte(); err != nil {
				return 0, nil, err
			}
			body, err = c.readBody(ext, n-1)
			return ext, body, err
		}
		if _, err := c.in.Discard(n); err != nil {
			return 0, nil, err
		}
		if err := c.ignore(); err != nil {
			return 0, nil, err
		}
	}
}

// readHeader reads what stands before a message's payload of n bytes. A
// keep-alive is given out as a message without one. Lengths are refused as soon
// as they are known to be too long.
func (c *conn) readHeader() (id byte, n int, err error) {
	c.deadline(idleTime)
	var prefix [wire.PrefixLen]byte
	if _, err := io.ReadFull(c.in, prefix[:]); err != nil {
		return 0, 0, err
	}
	length := wire.ParsePrefix(prefix[:])
	switch {
	case length == 0:
		return 0, 0, nil
	case length > 1+wire.MaxExtended:
		return 0, 0, fmt.Errorf("%w: %d bytes", ErrTooLong, length)
	}
	c.deadline(messageTime)
	if id, err = c.in.ReadByte(); err != nil {
		return 0, 0, err
	}
	if err := wire.CheckLength(id, length-1, wire.Limits{}); err != nil {
		return 0, 0, fmt.Errorf("%w: %w", ErrTooLong, err)
	}
	return id, int(length - 1), nil
}

func (c *conn) readBody(ext byte, n int) ([]byte, error) {
	if ext != ourExtID && ext != 0 {
		_, err := c.in.Discard(n)
		return nil, err
	}
	if n > message.MaxBody {
		return nil, fmt.Errorf("%w: %d bytes", ErrTooLong, n)
	}
	body := make([]byte, n)
	_, err := io.ReadFull(c.in, body)
	return body, err
}

// deadline sets the time by which reading must go on. The handshake has one
// for the whole of it.
func (c *conn) deadline(d time.Duration) {
	if !c.greeting {
		c.net.SetReadDeadline(time.Now().Add(d))
	}
}
