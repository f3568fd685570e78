package drive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"p2pfs/swarm/book"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/store"
	"p2pfs/swarm/catalog/union"
	"p2pfs/swarm/gather"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/wire"
)

var testKey = OpenKey("test")

func ident(n int) *catalog.Identity {
	return catalog.IdentityFromSeed([32]byte{byte(n), byte(n >> 8), 9})
}

// node is a member of the test's drive, with a listener on a loopback address
// of its own.
type node struct {
	t    testing.TB
	n    int
	ln   net.Listener
	path string
	cfg  Config
	*Drive
	wg sync.WaitGroup

	mu      sync.Mutex
	objects map[catalog.Hash][]byte // served as tiny files
	holders map[hashing.Content][]Holder
	views   []*union.View
	conns   []net.Conn // all that were dialled
}

// newNode starts member n, which dials from and listens on 127.0.9.n.
func newNode(t testing.TB, n int, change ...func(*Config)) *node {
	t.Helper()
	nd := &node{
		t: t, n: n, path: filepath.Join(t.TempDir(), "catalog.db"), objects: map[catalog.Hash][]byte{},
		holders: map[hashing.Content][]Holder{},
	}
	ln, err := net.Listen("tcp", fmt.Sprintf("127.0.9.%d:0", n))
	if err != nil {
		t.Fatal(err)
	}
	nd.ln = ln
	f := &fakes{view: nd.onView, holders: nd.who, object: nd.object}
	nd.cfg = Config{
		Client: newEngine(nd.Dial, nd.addr().Port()),
		Key:    testKey, Identity: ident(n), Name: fmt.Sprintf("m%d", n), Files: f, Observer: f,
	}
	for _, f := range change {
		f(&nd.cfg)
	}
	engineOf(&nd.cfg).Guard = nd.cfg.Guard
	nd.start()
	nd.wg.Go(nd.listen)
	t.Cleanup(nd.stop)
	return nd
}

func (nd *node) start() {
	nd.t.Helper()
	store, err := store.Open(nd.path, nd.cfg.Key.Rendezvous(), nil)
	if err != nil {
		nd.t.Fatal(err)
	}
	nd.cfg.Store = store
	d, err := New(nd.cfg)
	if err != nil {
		nd.t.Fatal(err)
	}
	nd.mu.Lock()
	nd.Drive = d
	nd.mu.Unlock()
}

// halt closes the drive and its store, as at the end of a process.
func (nd *node) halt() {
	nd.t.Helper()
	if err := errors.Join(nd.Drive.Close(), nd.cfg.Store.Close()); err != nil {
		nd.t.Error(err)
	}
}

func (nd *node) restart() {
	nd.t.Helper()
	nd.halt()
	nd.start()
}

func (nd *node) stop() {
	nd.ln.Close()
	nd.halt() // ends the handshakes that listen waits for
	nd.wg.Wait()
}

func (nd *node) addr() netip.AddrPort { return nd.ln.Addr().(*net.TCPAddr).AddrPort() }
func (nd *node) key() catalog.Key     { return nd.cfg.Identity.Key() }

// dialFunc connects to an address.
type dialFunc = func(context.Context, netip.AddrPort) (net.Conn, error)

// engine is the Client of tests: a network, and no more of the engine.
type engine struct {
	gather.Network
	upload func(context.Context, int) error // nil: as fast as one likes
}

func newEngine(dial dialFunc, port uint16) *engine {
	return &engine{Network: gather.Network{Dial: dial, Port: port, PeerID: wire.NewPeerID()}}
}

func (e *engine) Join(cfg gather.Config) *gather.Gathering { return gather.New(e.Network, cfg) }

func (e *engine) Upload(ctx context.Context, n int) error {
	if e.upload == nil {
		return nil
	}
	return e.upload(ctx, n)
}

// fakes are the Files and the Observer of a test: what is not nil.
type fakes struct {
	holders func(hashing.Content) []Holder
	object  func(catalog.Hash) ([]byte, bool)
	view    func(now, before *union.View)
	copied  func(Copy)
}

// fakesOf are those that a test's drive is going to have.
func fakesOf(c *Config) *fakes {
	f, ok := c.Files.(*fakes)
	if !ok {
		f = &fakes{}
		c.Files, c.Observer = f, f
	}
	return f
}

func (f *fakes) Holders(file hashing.Content) []Holder {
	if f.holders == nil {
		return nil
	}
	return f.holders(file)
}

func (f *fakes) Object(h catalog.Hash) ([]byte, bool) {
	if f.object == nil {
		return nil, false
	}
	return f.object(h)
}

func (f *fakes) OnView(now, before *union.View) {
	if f.view != nil {
		f.view(now, before)
	}
}

func (f *fakes) OnCopy(c Copy) {
	if f.copied != nil {
		f.copied(c)
	}
}

// engineOf is the engine that a test's drive is going to have.
func engineOf(c *Config) *engine { return c.Client.(*engine) }

// accept does what the engine does for a drive.
func accept(d *Drive, c net.Conn) {
	hs, err := readTestHandshake(c)
	if err != nil {
		c.Close()
		return
	}
	d.Swarm().Accept(c, hs)
}

func readTestHandshake(c net.Conn) (hs wire.Handshake, err error) {
	var b [wire.HandshakeLen]byte
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err = io.ReadFull(c, b[:]); err != nil {
		return hs, err
	}
	return wire.ParseHandshake(b[:])
}

// listen accepts until the listener is closed.
func (nd *node) listen() {
	for {
		c, err := nd.ln.Accept()
		if err != nil {
			return
		}
		nd.wg.Go(func() {
			nd.mu.Lock()
			d := nd.Drive
			nd.mu.Unlock()
			accept(d, c)
		})
	}
}

func (nd *node) Dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: nd.addr().Addr().AsSlice()}}
	c, err := d.DialContext(ctx, "tcp", addr.String())
	if err == nil {
		nd.mu.Lock()
		nd.conns = append(nd.conns, c)
		nd.mu.Unlock()
	}
	return c, err
}

func (nd *node) onView(now, before *union.View) {
	nd.mu.Lock()
	defer nd.mu.Unlock()
	if n := len(nd.views); n > 0 && nd.views[n-1] != before {
		nd.t.Error("OnView: before is not the last one told")
	}
	nd.views = append(nd.views, now)
}

func (nd *node) who(file hashing.Content) []Holder {
	nd.mu.Lock()
	defer nd.mu.Unlock()
	return nd.holders[file]
}

func (nd *node) object(h catalog.Hash) ([]byte, bool) {
	nd.mu.Lock()
	defer nd.mu.Unlock()
	data, ok := nd.objects[h]
	return data, ok
}

// serveTiny makes data a tiny file that the node has.
func (nd *node) serveTiny(data string) catalog.Hash {
	nd.mu.Lock()
	defer nd.mu.Unlock()
	h := catalog.HashObject([]byte(data))
	nd.objects[h] = []byte(data)
	return h
}

func (nd *node) join(others ...*node) {
	for _, o := range others {
		nd.Swarm().Add([]netip.AddrPort{o.addr()}, book.Before)
	}
}

func file(path string, seed int) catalog.File {
	root := catalog.HashObject(fmt.Appendf(nil, "content %d", seed))
	return catalog.File{Path: path, Size: int64(seed) + 20_000, Root: root, MTime: time.Unix(1_700_000_000, 0)}
}

func (nd *node) share(files ...catalog.File) {
	nd.t.Helper()
	if _, err := nd.Share(catalog.Delta{All: true, Put: files}); err != nil {
		nd.t.Fatal(err)
	}
}

// until waits for a condition; what says what for.
func until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s\n%s", what, stacks())
		}
		<-time.After(2 * time.Millisecond)
	}
}

func stacks() []byte {
	b := make([]byte, 64<<10)
	return b[:runtime.Stack(b, true)]
}

func (nd *node) has(path string) bool {
	_, err := nd.View().Lookup(path)
	return err == nil
}

func (nd *node) untilHas(path string) {
	nd.t.Helper()
	until(nd.t, fmt.Sprintf("m%d has %s", nd.n, path), func() bool { return nd.has(path) })
}

// connected returns the members to whom there is a connection.
func (nd *node) connected() map[catalog.Key]Member {
	m := map[catalog.Key]Member{}
	for _, e := range nd.Members() {
		if e.Connected {
			m[e.Key] = e
		}
	}
	return m
}

func (nd *node) untilConnected(others ...*node) {
	nd.t.Helper()
	for _, o := range others {
		until(nd.t, fmt.Sprintf("m%d connected to m%d", nd.n, o.n), func() bool {
			_, ok := nd.connected()[o.key()]
			return ok
		})
	}
}

func rep(s string, n int) string { return strings.Repeat(s, n) }

func hash(n int) catalog.Hash { return catalog.Hash{byte(n), byte(n >> 8), 1} }
