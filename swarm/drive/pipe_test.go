package drive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"p2pfs/swarm/book"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/store"
	"p2pfs/swarm/drive/hello"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/gather"
	"p2pfs/swarm/wire"
)

// pipes is a network in memory, for tests on a clock that does not tick.
type pipes struct {
	mu    sync.Mutex
	hosts map[netip.AddrPort]func(net.Conn) // who listens
	dials map[netip.AddrPort][]time.Time
	delay time.Duration // of a dial
}

func newPipes() *pipes {
	return &pipes{hosts: map[netip.AddrPort]func(net.Conn){}, dials: map[netip.AddrPort][]time.Time{}}
}

// dialled returns when an address was dialled.
func (p *pipes) dialled(a netip.AddrPort) []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.dials[a])
}

// host makes somebody listen at an address.
func (p *pipes) host(a netip.AddrPort, accept func(net.Conn)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hosts[a] = accept
}

// pipeConn is one end of a pipe, with the other's address.
type pipeConn struct {
	net.Conn
	remote netip.AddrPort
}

func (c pipeConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

// pipeDialer dials from an address.
type pipeDialer struct {
	*pipes
	from netip.AddrPort
}

func (d pipeDialer) Dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	time.Sleep(d.delay)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dials[addr] = append(d.dials[addr], time.Now())
	accept := d.hosts[addr]
	if accept == nil {
		return nil, errors.New("connection refused")
	}
	near, far := net.Pipe()
	go accept(pipeConn{far, netip.AddrPortFrom(d.from.Addr(), 40000)})
	return pipeConn{near, addr}, nil
}

// pnode is a member in a network of pipes.
type pnode struct {
	*Drive
	t    testing.TB
	cfg  Config
	addr netip.AddrPort
	net  *pipes
}

// pipeMember starts member n.
func pipeMember(t testing.TB, p *pipes, n int, change ...func(*Config)) *pnode {
	t.Helper()
	nd := &pnode{t: t, net: p, addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(n)}), 6881)}
	store, err := store.Open(filepath.Join(t.TempDir(), "catalog.db"), testKey.Rendezvous(), nil)
	if err != nil {
		t.Fatal(err)
	}
	nd.cfg = Config{
		Key: testKey, Identity: ident(n), Name: fmt.Sprintf("m%d", n), Store: store,
		Client: newEngine(pipeDialer{p, nd.addr}.Dial, 6881),
	}
	for _, f := range change {
		f(&nd.cfg)
	}
	engineOf(&nd.cfg).Guard = nd.cfg.Guard
	if nd.Drive, err = New(nd.cfg); err != nil {
		t.Fatal(err)
	}
	nd.listen(true)
	t.Cleanup(func() {
		if err := errors.Join(nd.Close(), store.Close()); err != nil {
			t.Error(err)
		}
	})
	return nd
}

// listen makes the member reachable, or not.
func (nd *pnode) listen(on bool) {
	nd.net.mu.Lock()
	defer nd.net.mu.Unlock()
	delete(nd.net.hosts, nd.addr)
	if on {
		nd.net.hosts[nd.addr] = func(c net.Conn) { accept(nd.Drive, c) }
	}
}

func (nd *pnode) join(others ...*pnode) {
	for _, o := range others {
		nd.Swarm().Add([]netip.AddrPort{o.addr}, book.Before)
	}
}

func (nd *pnode) connected(k catalog.Key) bool {
	for _, m := range nd.Members() {
		if m.Key == k && m.Connected {
			return true
		}
	}
	return false
}

func (nd *pnode) has(path string) bool {
	_, err := nd.View().Lookup(path)
	return err == nil
}

func (nd *pnode) share(files ...catalog.File) {
	nd.t.Helper()
	if _, err := nd.Share(catalog.Delta{All: true, Put: files}); err != nil {
		nd.t.Fatal(err)
	}
}

// stranger is the other end of a connection to a member, played by the test.
type stranger struct {
	t      testing.TB
	id     *catalog.Identity
	self   *hello.Self
	shaker gather.Shaker
	nc     net.Conn
	*gather.Conn
	*conn
	writing chan struct{}
}

// call opens a connection to nd as a member of that number. The handshake is
// not begun.
func (nd *pnode) call(n int) *stranger {
	nd.t.Helper()
	from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 1, byte(n)}), 6881)
	c, err := pipeDialer{nd.net, from}.Dial(nd.t.Context(), nd.addr)
	if err != nil {
		nd.t.Fatal(err)
	}
	return newStranger(nd.t, n, c, nd.addr)
}

func newStranger(t testing.TB, n int, c net.Conn, dialled netip.AddrPort) *stranger {
	g := gather.NewConn(c, dialled, message.MaxBody)
	s := &stranger{t: t, id: ident(n), nc: c, Conn: g, conn: newConn(nil, g), writing: make(chan struct{})}
	s.self = &hello.Self{
		Secret: testKey, Rendezvous: testKey.Rendezvous(), Identity: s.id, Name: fmt.Sprintf("s%d", n),
		Process: hello.Process{Began: time.Now().UnixMicro() + int64(n)}, Now: time.Now,
	}
	s.shaker = gather.Shaker{InfoHash: testKey.Rendezvous(), Port: 6881, Extension: message.Extension}
	copy(s.shaker.PeerID[:], fmt.Sprintf("-XX0000-%012d", n))
	go func() {
		defer close(s.writing)
		s.Run(10_000 * time.Hour) // no keep-alives
	}()
	t.Cleanup(s.hangUp)
	return s
}

func (s *stranger) hangUp() {
	s.Close(io.EOF)
	<-s.writing
}

// queue is send that waits for room; false: the connection is closed.
func (s *stranger) queue(m message.Message) bool {
	return s.Queue(wire.AppendExtended(nil, 1, m.Encode()))
}

// greet goes through the handshakes; theirs came with a connection to us.
func (s *stranger) greet(theirs *wire.Handshake) error {
	err := s.shaker.Shake(s.Conn, theirs)
	if err == nil {
		err = s.hello(s.conn)
	}
	if err == nil {
		s.Greeted()
	}
	return err
}

// hello greets over the connection, or what twists it.
func (s *stranger) hello(over hello.Conn) (err error) {
	s.Member, err = s.self.Greet(over, hello.Terms{
		Dialler: s.net.Hello.Dialler, Acceptor: s.net.Hello.Acceptor, Dialled: s.net.Dialled.IsValid(), Port: 6881,
	})
	return err
}

// meet goes through the handshakes as the one who dialled.
func (s *stranger) meet() *stranger {
	s.t.Helper()
	if err := s.greet(nil); err != nil {
		s.t.Fatal(err)
	}
	return s
}

// expect returns the next message of a type.
func expect[M message.Message](s *stranger) M {
	s.t.Helper()
	for {
		m, err := s.Hear()
		if err != nil {
			s.t.Fatalf("waiting for %T: %v", *new(M), err)
		}
		if want, ok := m.(M); ok {
			return want
		}
	}
}

// untilClosed reads until the other side closes, and returns how long that took
// by the test's clock.
func (s *stranger) untilClosed() time.Duration {
	s.t.Helper()
	start := time.Now()
	s.nc.SetReadDeadline(start.Add(time.Hour))
	s.Drain()
	return time.Since(start)
}

// head signs a head of the stranger's own.
func (s *stranger) head(seq int64, root catalog.Hash) catalog.Head {
	return s.headIn(testKey.Rendezvous(), seq, root)
}

func (s *stranger) headIn(salt catalog.Salt, seq int64, root catalog.Hash) catalog.Head {
	s.t.Helper()
	h, err := catalog.SignHead(s.id, salt, seq, catalog.Summary{
		Root: root, Time: time.Now(), Expires: time.Now().Add(Life), Name: "stranger"})
	if err != nil {
		s.t.Fatal(err)
	}
	return h
}
