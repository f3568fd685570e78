package drive

import (
	"context"
	"encoding/hex"
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

	"p2pfs/swarm/catalog"
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
	holders map[catalog.Hash][]Holder
	views   []*catalog.View
	reached map[netip.AddrPort]catalog.Key
	conns   []net.Conn // all that were dialled
}

// newNode starts member n, which dials from and listens on 127.0.9.n.
func newNode(t testing.TB, n int, change ...func(*Config)) *node {
	t.Helper()
	nd := &node{
		t: t, n: n, path: filepath.Join(t.TempDir(), "catalog.db"), objects: map[catalog.Hash][]byte{},
		holders: map[catalog.Hash][]Holder{}, reached: map[netip.AddrPort]catalog.Key{},
	}
	ln, err := net.Listen("tcp", fmt.Sprintf("127.0.9.%d:0", n))
	if err != nil {
		t.Fatal(err)
	}
	nd.ln = ln
	nd.cfg = Config{
		Key: testKey, Identity: ident(n), Name: fmt.Sprintf("m%d", n), Port: nd.addr().Port(), Dialer: nd,
		OnView: nd.onView, OnAddress: nd.onAddress, Holders: nd.who, Object: nd.object,
	}
	for _, f := range change {
		f(&nd.cfg)
	}
	nd.start()
	nd.wg.Go(nd.listen)
	t.Cleanup(nd.stop)
	return nd
}

func (nd *node) start() {
	nd.t.Helper()
	store, err := catalog.OpenStore(nd.path, nd.cfg.Key.Rendezvous(), nil)
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
	nd.wg.Wait()
	nd.halt()
}

func (nd *node) addr() netip.AddrPort { return nd.ln.Addr().(*net.TCPAddr).AddrPort() }
func (nd *node) key() catalog.Key     { return nd.cfg.Identity.Key() }

// listen does what the engine does for a drive.
func (nd *node) listen() {
	for {
		c, err := nd.ln.Accept()
		if err != nil {
			return
		}
		nd.wg.Go(func() {
			var b [wire.HandshakeLen]byte
			c.SetReadDeadline(time.Now().Add(5 * time.Second))
			if _, err := io.ReadFull(c, b[:]); err != nil {
				c.Close()
				return
			}
			hs, err := wire.ParseHandshake(b[:])
			if err != nil {
				c.Close()
				return
			}
			nd.mu.Lock()
			d := nd.Drive
			nd.mu.Unlock()
			d.Accept(c, hs)
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

func (nd *node) onView(now, before *catalog.View) {
	nd.mu.Lock()
	defer nd.mu.Unlock()
	if n := len(nd.views); n > 0 && nd.views[n-1] != before {
		nd.t.Error("OnView: before is not the last one told")
	}
	nd.views = append(nd.views, now)
}

func (nd *node) onAddress(k catalog.Key, a netip.AddrPort) {
	nd.mu.Lock()
	defer nd.mu.Unlock()
	nd.reached[a] = k
}

func (nd *node) who(root catalog.Hash) []Holder {
	nd.mu.Lock()
	defer nd.mu.Unlock()
	return nd.holders[root]
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
		nd.AddPeers([]netip.AddrPort{o.addr()})
	}
}

func file(path string, seed int) catalog.File {
	root := catalog.HashObject(fmt.Appendf(nil, "content %d", seed))
	return catalog.File{Path: path, Size: int64(seed) + 20_000, Root: root, MTime: time.Unix(1_700_000_000, 0)}
}

func (nd *node) share(files ...catalog.File) {
	nd.t.Helper()
	if _, err := nd.SetShared(files); err != nil {
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

func TestThreeMembersSeeOneAnother(t *testing.T) {
	a, b, c := newNode(t, 1), newNode(t, 2), newNode(t, 3)
	a.share(file("a.txt", 1))
	b.share(file("b.txt", 2), file("d/b", 2))
	b.join(a)
	c.join(a)
	c.share(file("c.txt", 3))
	for _, nd := range []*node{a, b, c} {
		for _, path := range []string{"a.txt", "b.txt", "c.txt", "d/b"} {
			nd.untilHas(path)
		}
	}
	// b and c knew only a, and have found each other.
	b.untilConnected(a, c)
	c.untilConnected(a, b)
	list := b.Members()
	if len(list) != 3 || !list[0].Self || list[1].Addr != a.addr() && list[2].Addr != a.addr() {
		t.Errorf("got %+v", list)
	}
	until(t, "a to have verified where b and c listen", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.reached[b.addr()] == b.key() && a.reached[c.addr()] == c.key()
	})
	// Changes follow.
	a.share(file("a2.txt", 1))
	b.untilHas("a2.txt")
	c.untilHas("a2.txt")
	if b.has("a.txt") {
		t.Error("a file that is gone is still shown")
	}
}

func TestNewHeadReachesMembersFast(t *testing.T) {
	a, b := newNode(t, 1), newNode(t, 2)
	b.join(a)
	b.untilConnected(a)
	worst := time.Duration(0)
	for i := range 8 {
		path := fmt.Sprintf("f%d", i)
		start := time.Now()
		a.share(file(path, i))
		b.untilHas(path)
		worst = max(worst, time.Since(start))
	}
	t.Logf("slowest of 8: %v", worst)
	if worst > 500*time.Millisecond { // 100 ms on a machine that does nothing else
		t.Errorf("a head took %v", worst)
	}
}

func TestHeadsOfAbsentMembersLiveOn(t *testing.T) {
	a, b := newNode(t, 1), newNode(t, 2)
	var files []catalog.File
	for i := range 2000 {
		files = append(files, file(fmt.Sprintf("d%d/f%d", i%5, i), i))
	}
	a.share(files...)
	b.join(a)
	b.untilHas("d0/f0")
	a.halt()
	b.restart()
	b.untilHas("d0/f0")
	c := newNode(t, 3)
	c.join(b)
	c.untilHas("d4/f1999")
	a.start()
}

func TestObjectsOfTinyFiles(t *testing.T) {
	a, b, c := newNode(t, 1), newNode(t, 2), newNode(t, 3)
	b.join(a)
	c.join(a, b)
	c.untilConnected(a, b)
	b.untilConnected(a)
	h := b.serveTiny("tiny file")
	ctx := t.Context()
	if data, err := c.Object(ctx, h); err != nil || string(data) != "tiny file" {
		t.Errorf("got %q, %v", data, err)
	}
	if data, err := c.Object(ctx, b.serveTiny("another"), b.key()); err != nil || string(data) != "another" {
		t.Errorf("with a hint: got %q, %v", data, err)
	}
	// Many at once, and several readers of one.
	var wg sync.WaitGroup
	for i := range 200 {
		h := a.serveTiny(fmt.Sprintf("tiny %d", i/2))
		wg.Go(func() {
			if data, err := c.Object(ctx, h); err != nil || string(data) != fmt.Sprintf("tiny %d", i/2) {
				t.Errorf("got %q, %v", data, err)
			}
		})
	}
	wg.Wait()
	// Nobody has it yet; then somebody does.
	late := catalog.HashObject([]byte("late"))
	got := make(chan error, 1)
	go func() {
		_, err := c.Object(ctx, late)
		got <- err
	}()
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := c.Object(short, late); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	b.serveTiny("late")
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func TestWho(t *testing.T) {
	a, b, c := newNode(t, 1), newNode(t, 2), newNode(t, 3)
	root := catalog.Hash{7}
	elsewhere := netip.MustParseAddrPort("127.0.9.77:1234")
	a.holders[root] = []Holder{{Pieces: Pieces{Bits: []byte{0x80}}}, {Addr: elsewhere, Pieces: Pieces{All: true}}}
	c.join(a, b)
	c.untilConnected(a, b)
	list, err := c.Who(t.Context(), root)
	if err != nil || len(list) != 2 {
		t.Fatalf("got %+v, %v", list, err)
	}
	for _, h := range list {
		if h.Addr == elsewhere && (!h.Pieces.All || h.Member != catalog.Key{}) {
			t.Errorf("got %+v", h)
		}
		if h.Addr == a.addr() && (h.Member != a.key() || string(h.Pieces.Bits) != "\x80") {
			t.Errorf("got %+v", h)
		}
	}
	if list, err = c.Who(t.Context(), catalog.Hash{8}); err != nil || len(list) != 0 {
		t.Errorf("nobody holds it: got %+v, %v", list, err)
	}
}

func TestRestartSendsNothingNew(t *testing.T) {
	a, b := newNode(t, 1), newNode(t, 2)
	a.share(file("x", 1))
	b.join(a)
	b.untilHas("x")
	old, _ := b.View().Lookup("x")
	seq := b.View().Members()[0].Seq
	a.restart()
	if !a.has("x") {
		t.Error("own catalogue forgotten")
	}
	a.share(file("x", 1))
	b.untilConnected(a)
	if got := b.View().Members()[0].Seq; got != seq {
		t.Errorf("seq %d became %d though nothing changed (%+v)", seq, got, old)
	}
}

// A connection is found to be to oneself, and its address is not dialled again.
func TestSelf(t *testing.T) {
	a := newNode(t, 1)
	a.join(a)
	until(t, "a dial", func() bool { a.mu.Lock(); defer a.mu.Unlock(); return len(a.conns) > 0 })
	self := func() bool {
		ok := make(chan bool, 1)
		a.post(t.Context(), call(func(l *loop) { c := l.book.contacts[a.addr()]; ok <- c != nil && c.self }))
		return <-ok
	}
	until(t, "our own address to be noted", self)
	if n := len(a.connected()); n != 0 {
		t.Errorf("%d connections to ourselves", n)
	}
}

func TestBothDialAtOnce(t *testing.T) {
	for round := range 5 {
		a, b := newNode(t, 1), newNode(t, 2)
		go a.join(b)
		b.join(a)
		a.untilConnected(b)
		b.untilConnected(a)
		a.share(file("x", round))
		b.share(file("y", round))
		a.untilHas("y")
		b.untilHas("x")
		a.untilConnected(b)
		if len(a.connected()) != 1 || len(b.connected()) != 1 {
			t.Errorf("%d and %d connections", len(a.connected()), len(b.connected()))
		}
	}
}

func TestReconnect(t *testing.T) {
	a, b := newNode(t, 1), newNode(t, 2)
	b.join(a)
	b.untilConnected(a)
	b.mu.Lock()
	for _, c := range b.conns {
		c.Close()
	}
	b.mu.Unlock()
	a.share(file("after", 1))
	b.untilHas("after")
}

// Ten members who know one or two others see everybody's files.
func TestTenMembers(t *testing.T) {
	var nodes []*node
	for i := range 10 {
		nd := newNode(t, 1+i)
		nd.share(file(fmt.Sprintf("f%d", i), i), file("shared", 0))
		if i > 0 {
			nd.join(nodes[i/2])
		}
		nodes = append(nodes, nd)
	}
	for _, nd := range nodes {
		for i := range nodes {
			nd.untilHas(fmt.Sprintf("f%d", i))
		}
	}
	e, err := nodes[3].View().Lookup("shared")
	if err != nil || len(e.Sources) != 10 {
		t.Errorf("got %d sources, %v", len(e.Sources), err)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("members", func(t *testing.T) {
		a, b, c := newNode(t, 1), newNode(t, 2), newNode(t, 3)
		b.join(a, c)
		c.join(a, b)
		a.share(file("x", 1))
		b.untilHas("x")
		ctx, cancel := context.WithCancel(t.Context())
		go b.Object(ctx, catalog.Hash{1})
		cancel()
	})
	until(t, "goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
}

func TestCallsAfterClose(t *testing.T) {
	a := newNode(t, 1)
	d := a.Drive
	a.restart()
	if _, err := d.SetShared(nil); !errors.Is(err, ErrClosed) {
		t.Errorf("SetShared: %v", err)
	}
	if _, err := d.Object(t.Context(), catalog.Hash{1}); err == nil {
		t.Error("Object: no error")
	}
	if _, err := d.Who(t.Context(), catalog.Hash{1}); !errors.Is(err, ErrClosed) {
		t.Errorf("Who: %v", err)
	}
	if d.Members() != nil {
		t.Error("Members: not nil")
	}
	x, y := net.Pipe()
	d.Accept(x, wire.Handshake{})
	if _, err := y.Read(make([]byte, 1)); err == nil {
		t.Error("Accept: the connection stays open")
	}
	d.AddPeers(nil)
	if err := d.Close(); err != nil && !strings.Contains(err.Error(), "not open") {
		t.Error(err)
	}
}

func TestKeys(t *testing.T) {
	if OpenKey("a") == OpenKey("b") || OpenKey("a").Rendezvous() == OpenKey("b").Rendezvous() {
		t.Error("drives are not told apart")
	}
	// Made with Python's hashlib and hmac.
	key := OpenKey("public")
	if got := hex.EncodeToString(key[:]); got != "a2c184b880241c8262a50a3c835d5e3edcd5b297e6c3f856043862d5e170b5cf" {
		t.Errorf("key of the open drive: got %s", got)
	}
	salt := key.Rendezvous()
	if got := hex.EncodeToString(salt[:]); got != "ef41ba95630f3a602f1184bcc5ad195aed69cf31" {
		t.Errorf("rendezvous: got %s", got)
	}
}
