package swarmtest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"p2pfs/swarm/wire"
)

// maxMessage is the longest message that ReadMsg takes, in bytes.
const maxMessage = 2 << 20

// Conn is one end of a connection between peers, scripted at the wire. One
// goroutine may read while others write.
type Conn struct {
	net.Conn
	// Dialed tells that this side opened the connection, and so speaks first.
	Dialed bool
	// Timeout bounds each read and write; 0 is none. NewConn sets 10 s.
	Timeout time.Duration

	r  *bufio.Reader
	mu sync.Mutex // held while a message is written
}

// NewConn wraps a connection.
func NewConn(c net.Conn, dialed bool) *Conn {
	return &Conn{Conn: c, Dialed: dialed, Timeout: 10 * time.Second, r: bufio.NewReaderSize(c, 64<<10)}
}

// Dial connects to a peer; from, unless it is the zero Addr, is the address
// to come from. The connection is closed with the test.
func Dial(t testing.TB, from netip.Addr, to netip.AddrPort) *Conn {
	t.Helper()
	c, err := DialContext(t.Context(), from, to)
	if err != nil {
		t.Fatalf("swarmtest: %v", err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// DialContext is Dial for other goroutines; the caller closes.
func DialContext(ctx context.Context, from netip.Addr, to netip.AddrPort) (*Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	if from.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
	}
	c, err := d.DialContext(ctx, "tcp", to.String())
	if err != nil {
		return nil, err
	}
	return NewConn(c, true), nil
}

// Msg is one message as it came.
type Msg struct {
	KeepAlive bool // there is no ID then
	ID        byte
	Payload   []byte
}

// String names the message and shows the first bytes of its payload.
func (m Msg) String() string {
	if m.KeepAlive {
		return "keep-alive"
	}
	return fmt.Sprintf("%s of %d bytes %.24x", wire.Name(m.ID), len(m.Payload), m.Payload)
}

// Read reads raw bytes, those first that ReadMsg has buffered.
func (c *Conn) Read(p []byte) (int, error) {
	c.readDeadline()
	return c.r.Read(p)
}

// ReadMsg reads the next message, whatever it is.
func (c *Conn) ReadMsg() (Msg, error) {
	var prefix [wire.PrefixLen]byte
	if err := c.readFull(prefix[:]); err != nil {
		return Msg{}, err
	}
	n := wire.ParsePrefix(prefix[:])
	if n == 0 {
		return Msg{KeepAlive: true}, nil
	}
	if n > maxMessage {
		return Msg{}, fmt.Errorf("message of %d bytes", n)
	}
	p := make([]byte, n)
	if err := c.readFull(p); err != nil {
		return Msg{}, noEOF(err)
	}
	return Msg{ID: p[0], Payload: p[1:]}, nil
}

// readFull fills p; a deadline is set only where it has to wait.
func (c *Conn) readFull(p []byte) error {
	if c.r.Buffered() < len(p) {
		c.readDeadline()
	}
	_, err := io.ReadFull(c.r, p)
	return err
}

// Send writes raw bytes, in one piece where other goroutines write too.
func (c *Conn) Send(p []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Timeout > 0 {
		_ = c.SetWriteDeadline(time.Now().Add(c.Timeout))
	}
	_, err := c.Conn.Write(p)
	return err
}

func (c *Conn) readDeadline() {
	if c.Timeout > 0 {
		_ = c.SetReadDeadline(time.Now().Add(c.Timeout))
	}
}

// SendHandshake writes h; its PeerID, when zero, is drawn.
func (c *Conn) SendHandshake(h wire.Handshake) error {
	if h.PeerID == [20]byte{} {
		h.PeerID = PeerID()
	}
	return c.Send(wire.AppendHandshake(nil, h))
}

// ReadHandshake reads the other side's handshake.
func (c *Conn) ReadHandshake() (wire.Handshake, error) {
	c.readDeadline()
	p := make([]byte, wire.HandshakeLen)
	if _, err := io.ReadFull(c.r, p); err != nil {
		return wire.Handshake{}, err
	}
	return wire.ParseHandshake(p)
}

// PeerID returns a random peer ID in the form of BEP 20.
func PeerID() (id [20]byte) {
	n := copy(id[:], "-ST0001-")
	copy(id[n:], rand.Text())
	return id
}

// Reset closes the connection so that the other side sees a reset.
func (c *Conn) Reset() error {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	return c.Close()
}

// MustSend writes raw bytes, or ends the test.
func (c *Conn) MustSend(t testing.TB, p []byte) {
	t.Helper()
	if err := c.Send(p); err != nil {
		t.Fatalf("send: %v", err)
	}
}

// Handshake exchanges handshakes for an infohash, offering the extension
// protocol and the fast extension, and returns the other side's. It ends the
// test if that has another infohash.
func (c *Conn) Handshake(t testing.TB, infoHash [20]byte) wire.Handshake {
	t.Helper()
	h := wire.Handshake{InfoHash: infoHash}
	h.SetExtended()
	h.SetFast()
	if err := c.SendHandshake(h); err != nil {
		t.Fatalf("handshake: %v", err)
	}
	theirs, err := c.ReadHandshake()
	if err != nil {
		t.Fatalf("handshake: %v", err)
	}
	if theirs.InfoHash != infoHash {
		t.Fatalf("handshake: got infohash %x, want %x", theirs.InfoHash, infoHash)
	}
	return theirs
}

// Expect reads on until a message with that id comes, skipping others, and
// returns its payload.
func (c *Conn) Expect(t testing.TB, id byte) []byte {
	t.Helper()
	for {
		m, err := c.ReadMsg()
		if err != nil {
			t.Fatalf("waiting for %s: %v", wire.Name(id), err)
		}
		if !m.KeepAlive && m.ID == id {
			return m.Payload
		}
	}
}

// ExpectNext reads the next message, keep-alives left out, and ends the test
// unless it is all of want: length prefix, id and payload.
func (c *Conn) ExpectNext(t testing.TB, want []byte) {
	t.Helper()
	for {
		m, err := c.ReadMsg()
		if err != nil {
			t.Fatalf("waiting for %x: %v", want, err)
		}
		if m.KeepAlive {
			continue
		}
		if got := append(wire.AppendHeader(nil, m.ID, len(m.Payload)), m.Payload...); !bytes.Equal(got, want) {
			t.Fatalf("got %v, want %x", m, want)
		}
		return
	}
}

// ExpectClosed reads on until the other side closes, and ends the test if it
// has not within Timeout.
func (c *Conn) ExpectClosed(t testing.TB) {
	t.Helper()
	c.readDeadline()
	_, err := io.Copy(io.Discard, onlyReader{c.r})
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
		t.Fatalf("the connection is still open after %v", c.Timeout)
	}
}

// onlyReader hides all methods but Read.
type onlyReader struct{ io.Reader }

// noEOF turns an end within a message into an error of its own.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
