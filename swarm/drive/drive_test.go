package drive

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"p2pfs/swarm/book"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/wire"
)

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
		reached := a.Swarm().Reached(10)
		return slices.Contains(reached, book.Peer{Addr: b.addr(), Owner: book.Owner(b.key())}) &&
			slices.Contains(reached, book.Peer{Addr: c.addr(), Owner: book.Owner(c.key())})
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
	if worst > 5*time.Second { // 100 ms on a machine that does nothing else
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
	file := hashing.Content{Root: catalog.Hash{7}, Size: 100}
	elsewhere := netip.MustParseAddrPort("127.0.9.77:1234")
	a.holders[file] = []Holder{{Pieces: Pieces{Bits: []byte{0x80}}}, {Addr: elsewhere, Pieces: Pieces{All: true}}}
	c.join(a, b)
	c.untilConnected(a, b)
	list, err := c.Who(t.Context(), file)
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
	for _, other := range []hashing.Content{{Root: catalog.Hash{8}, Size: 100}, {Root: file.Root, Size: 101}} {
		if list, err = c.Who(t.Context(), other); err != nil || len(list) != 0 {
			t.Errorf("nobody holds it: got %+v, %v", list, err)
		}
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

// A connection to oneself is no member.
func TestSelf(t *testing.T) {
	a := newNode(t, 1)
	a.join(a)
	until(t, "a dial", func() bool { a.mu.Lock(); defer a.mu.Unlock(); return len(a.conns) > 0 })
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
		until(t, "one connection at both ends", func() bool { return len(a.connected()) == 1 && len(b.connected()) == 1 })
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
	if _, err := d.Share(catalog.Delta{All: true}); !errors.Is(err, ErrClosed) {
		t.Errorf("Share: %v", err)
	}
	if _, err := d.Object(t.Context(), catalog.Hash{1}); err == nil {
		t.Error("Object: no error")
	}
	if _, err := d.Who(t.Context(), hashing.Content{Root: catalog.Hash{1}, Size: 1}); !errors.Is(err, ErrClosed) {
		t.Errorf("Who: %v", err)
	}
	if d.Members() != nil {
		t.Error("Members: not nil")
	}
	x, y := net.Pipe()
	d.Swarm().Accept(x, wire.Handshake{})
	if _, err := y.Read(make([]byte, 1)); err == nil {
		t.Error("Accept: the connection stays open")
	}
	d.Swarm().Add(nil, book.Before)
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
