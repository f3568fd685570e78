package peer

import (
	"bytes"
	"errors"
	"math/rand"
	"net"
	"os"
	"testing"
	"time"
)

// sockets returns both ends of a TCP connection, a with a small buffer.
func sockets(t *testing.T) (a, b *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	a, b = near.(*net.TCPConn), far.(*net.TCPConn)
	a.SetWriteBuffer(4096)
	return a, b
}

// TestVector writes more parts than one call takes, some of them empty, into a
// socket that takes them bit by bit, and reads them into as many.
func TestVector(t *testing.T) {
	a, b := sockets(t)
	rng := rand.New(rand.NewSource(1))
	var parts, into net.Buffers
	var want []byte
	for range 3*maxIov + 7 {
		p := make([]byte, rng.Intn(3)*rng.Intn(700))
		rng.Read(p)
		want = append(want, p...)
		parts = append(parts, p)
	}
	got := make([]byte, len(want))
	for at := 0; at < len(got); {
		n := min(rng.Intn(600), len(got)-at)
		into = append(into, got[at:at+n])
		at += n
	}
	written := make(chan error, 1)
	go func() { written <- newVector(a).write(parts) }()
	for v := newVector(b); len(into) > 0; {
		n, err := v.read(into)
		if n == 0 || err != nil {
			t.Fatalf("%d bytes, %v", n, err)
		}
		consume(&into, n)
		for len(into) > 0 && len(into[0]) == 0 {
			into = into[1:]
		}
	}
	if err := <-written; err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v, equal: %v", err, bytes.Equal(got, want))
	}
	a.Close()
	if n, err := newVector(b).read([][]byte{make([]byte, 9)}); n != 0 || err != nil {
		t.Errorf("at the end: %d bytes, %v", n, err)
	}
}

// TestVectorFails looks at deadlines and at connections that are gone.
func TestVectorFails(t *testing.T) {
	a, b := sockets(t)
	va, vb := newVector(a), newVector(b)
	b.SetReadDeadline(time.Now().Add(time.Millisecond))
	if _, err := vb.read([][]byte{make([]byte, 9)}); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: %v", err)
	}
	a.SetWriteDeadline(time.Now().Add(time.Millisecond))
	if err := va.write(net.Buffers{make([]byte, 64<<20)}); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write: %v", err)
	}
	b.SetLinger(0)
	b.Close()
	a.SetWriteDeadline(time.Time{})
	for err := error(nil); err == nil; {
		err = va.write(net.Buffers{make([]byte, 1<<20)})
	}
	if _, err := vb.read([][]byte{make([]byte, 9)}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read of a closed one: %v", err)
	}
	if err := vb.write(net.Buffers{[]byte("x")}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write of a closed one: %v", err)
	}
	if err := va.write(nil); err != nil {
		t.Errorf("nothing to write: %v", err)
	}
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	if newVector(near) != nil {
		t.Error("a pipe took several buffers")
	}
}
