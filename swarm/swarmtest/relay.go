package swarmtest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

const (
	chunkSize  = 16 << 10  // bytes that are passed on together
	maxChunks  = 4 << 10   // of one direction under way at once
	relaySpace = 256 << 10 // bytes of the relay's own socket buffers
)

// TCP relays connections over the link and returns the address to dial. It
// listens on listen (zero: a host of its own), and dials to from the same
// host. It ends with the test.
func (l *Link) TCP(t testing.TB, listen, to netip.AddrPort) netip.AddrPort {
	t.Helper()
	if !listen.IsValid() {
		listen = netip.AddrPortFrom(Host(), 0)
	}
	dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(listen.Addr(), 0))}
	return accept(t, listen, func(ctx context.Context, c *net.TCPConn) { l.relay(ctx, c, &dialer, to) })
}

// relay carries one connection until it ends.
func (l *Link) relay(ctx context.Context, near *net.TCPConn, d *net.Dialer, to netip.AddrPort) {
	defer near.Close()
	if _, state := l.now(); state == broken {
		_ = near.SetLinger(0)
		return
	}
	if l.connect(ctx) != nil {
		return
	}
	conn, err := d.DialContext(ctx, "tcp", to.String())
	if err != nil {
		_ = near.SetLinger(0) // as if the other end had refused
		return
	}
	far := conn.(*net.TCPConn)
	defer far.Close()
	f := &flow{near: near, far: far}
	for _, c := range []*net.TCPConn{near, far} {
		_ = c.SetReadBuffer(relaySpace)
		_ = c.SetWriteBuffer(relaySpace)
	}
	l.mu.Lock()
	l.flows[f] = struct{}{}
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		delete(l.flows, f)
		l.mu.Unlock()
	}()
	// A blocked Read or Write ends with ctx; so does the whole flow once one
	// direction is broken.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, f.reset)()
	var wg sync.WaitGroup
	wg.Go(func() { l.carry(ctx, cancel, &l.out, near, far) })
	wg.Go(func() { l.carry(ctx, cancel, &l.back, far, near) })
	wg.Wait()
}

// connect waits for as long as a dial over the link takes: near is connected
// already, so what it sends waits for TCP's handshake here.
func (l *Link) connect(ctx context.Context) error {
	if err := l.wait(ctx); err != nil {
		return err
	}
	shape, _ := l.now()
	return sleep(ctx, shape.latency()+shape.latency())
}

// flow is one relayed connection.
type flow struct{ near, far *net.TCPConn }

// reset ends both sides at once.
func (f *flow) reset() {
	for _, c := range []*net.TCPConn{f.near, f.far} {
		_ = c.SetLinger(0)
		c.Close()
	}
}

// chunk is bytes under way.
type chunk struct {
	data []byte
	at   time.Time // to be delivered
	eof  bool      // nothing comes behind it
}

// carry passes one direction on, the end of it too; broken is called if it
// ends in another way.
func (l *Link) carry(ctx context.Context, broken func(), w *way, from, to *net.TCPConn) {
	chunks := make(chan chunk, maxChunks)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(chunks)
		if err := l.read(ctx, w, from, chunks); err != nil {
			broken()
		}
	})
	if err := l.deliver(ctx, w, to, chunks); err != nil {
		broken()
	}
	for range chunks { // let the reader end
	}
	wg.Wait()
}

// read turns what comes into chunks, at the link's rate.
func (l *Link) read(ctx context.Context, w *way, from io.Reader, chunks chan<- chunk) error {
	var own bucket
	var at time.Time
	sent := time.Now()
	for {
		buf := make([]byte, chunkSize)
		start := time.Now()
		n, err := from.Read(buf)
		there := time.Now()
		if there.Sub(start) < time.Millisecond {
			there = sent // it did not have to be waited for
		}
		shape, _ := l.now()
		if n > 0 {
			b := &w.bucket
			if shape.PerConn {
				b = &own
			}
			sent, _ = b.reserve(n, there, shape.Rate, 0)
			if err := sleepUntil(ctx, sent); err != nil {
				return err
			}
			at = later(at, sent.Add(shape.latency()))
			chunks <- chunk{data: buf[:n], at: at}
		}
		if errors.Is(err, io.EOF) {
			chunks <- chunk{at: later(at, time.Now().Add(shape.latency())), eof: true}
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// deliver writes chunks when their time has come.
func (l *Link) deliver(ctx context.Context, w *way, to *net.TCPConn, chunks <-chan chunk) error {
	for c := range chunks {
		if err := sleepUntil(ctx, c.at); err != nil {
			return err
		}
		if err := l.wait(ctx); err != nil {
			return err
		}
		if c.eof {
			return to.CloseWrite()
		}
		if _, err := to.Write(c.data); err != nil {
			return err
		}
		w.bytes.Add(int64(len(c.data)))
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
