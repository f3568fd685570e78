package peer

import (
	"bytes"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/wire"
)

// zeros is a Source that has all but piece 9, and costs nothing.
type zeros struct{}

func (zeros) ReadBlock(dst []byte, b wire.Block) error { return pattern{lost: 9}.ReadBlock(dst[:0], b) }

// limited starts a Conn with limits and returns it, the remote end and the
// Conn's handler.
func limited(t *testing.T, up, down *rate.Limiter) (*Conn, net.Conn, *recorder) {
	t.Helper()
	ours, theirs := net.Pipe()
	r := newRecorder()
	c := Start(Config{Net: ours, Pool: &Pool{}, Source: zeros{}, Handler: r, Fast: true, Pieces: 10, Up: up, Down: down})
	t.Cleanup(func() { theirs.Close(); c.Close(nil) })
	return c, theirs, r
}

// reads takes all that comes and sends the keep-alives of a peer that only
// reads.
func reads(c *Conn, theirs net.Conn) {
	go io.Copy(io.Discard, theirs)
	go func() {
		for {
			theirs.Write(wire.AppendKeepAlive(nil))
			select {
			case <-c.done:
				return
			case <-time.After(time.Minute):
			}
		}
	}()
}

// keepUploading keeps a Conn's queue of uploads from becoming empty.
func keepUploading(c *Conn, done <-chan struct{}) {
	for {
		for c.Uploading() < 400 {
			c.Upload(wire.Block{Index: 1, Length: hashing.BlockSize})
		}
		select {
		case <-done:
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// within checks a measured rate against a limit.
func within(t *testing.T, what string, spare, got, want float64) {
	t.Helper()
	if got < (1-spare)*want || got > (1+spare)*want {
		t.Errorf("%s: got %.0f bytes/s, want %.0f", what, got, want)
	}
}

func TestUploadLimit(t *testing.T) {
	for _, c := range []struct {
		limit int64
		conns int
		time  time.Duration
	}{
		{20 << 10, 1, 5 * time.Minute}, {64 << 10, 5, 2 * time.Minute}, {1 << 20, 1, 10 * time.Second},
		{1 << 20, 20, 20 * time.Second}, {20 << 20, 4, 4 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := NewLimiter(c.limit)
			l.ReserveN(time.Now(), l.Burst()) // else the first to come gets it
			done := make(chan struct{})
			var conns []*Conn
			for range c.conns {
				conn, theirs, _ := limited(t, l, nil)
				reads(conn, theirs)
				go keepUploading(conn, done)
				conns = append(conns, conn)
			}
			time.Sleep(c.time)
			close(done)
			sum, share := 0.0, float64(c.limit)/float64(c.conns)
			for _, conn := range conns {
				one := float64(conn.Sent()) / c.time.Seconds()
				within(t, "one connection", 0.1, one, share)
				sum += one
			}
			within(t, "all", 0.1, sum, float64(c.limit))
		})
	}
}

func TestDownloadLimit(t *testing.T) {
	for _, c := range []struct {
		limit int64
		conns int
		time  time.Duration
	}{
		{20 << 10, 1, 5 * time.Minute}, {64 << 10, 5, 2 * time.Minute}, {1 << 20, 20, 20 * time.Second}, {20 << 20, 4, 4 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := NewLimiter(c.limit)
			l.ReserveN(time.Now(), l.Burst()) // else the first to come gets it
			piece := append(wire.AppendPieceHeader(nil, 1, 0, hashing.BlockSize), make([]byte, hashing.BlockSize)...)
			var conns []*Conn
			for range c.conns {
				conn, theirs, r := limited(t, nil, l)
				go func() {
					for m := range r.got {
						m.Data.Release()
					}
				}()
				t.Cleanup(func() { <-r.closed; close(r.got) })
				go io.Copy(io.Discard, theirs)
				go func() {
					for {
						if _, err := theirs.Write(bytes.Repeat(piece, 3)); err != nil {
							return
						}
					}
				}()
				conns = append(conns, conn)
			}
			time.Sleep(c.time)
			sum, share := 0.0, float64(c.limit)/float64(c.conns)
			for _, conn := range conns {
				one := float64(conn.Received()) / c.time.Seconds()
				within(t, "one connection", 0.1, one, share)
				sum += one
				conn.Close(nil)
			}
			within(t, "all", 0.1, sum, float64(c.limit))
		})
	}
}

// TestControlDoesNotWait: while an upload waits for its turn, and a download
// is held back, messages go out at once.
func TestControlDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up, down := NewLimiter(1<<10), NewLimiter(1<<10)
		up.ReserveN(time.Now(), limitBurst)
		down.ReserveN(time.Now(), limitBurst)
		c, theirs, r := limited(t, up, down)
		block := wire.Block{Index: 1, Length: hashing.BlockSize}
		c.Upload(block)
		in := append(wire.AppendPieceHeader(nil, 1, 0, hashing.BlockSize), make([]byte, hashing.BlockSize)...)
		theirs.Write(wire.AppendHave(in, 3))
		if m := <-r.got; m.ID != wire.MsgPiece {
			t.Fatalf("got %+v", m)
		}
		if m := <-r.got; m.ID != wire.MsgHave {
			t.Fatalf("got %+v", m)
		}
		synctest.Wait()
		if !c.Held() {
			t.Error("not held")
		}
		began := time.Now()
		for i := range 3 {
			c.Send(func(dst []byte) []byte { return wire.AppendHave(dst, i) })
			if got := readMessage(t, theirs); !bytes.Equal(got, wire.AppendHave(nil, i)) {
				t.Errorf("got %x", got)
			}
		}
		if d := time.Since(began); d > 0 {
			t.Errorf("messages took %v", d)
		}
		if got := readMessage(t, theirs); len(got) < hashing.BlockSize {
			t.Errorf("got %x, want the block", got)
		}
		within(t, "the block", 0.1, hashing.BlockSize/time.Since(began).Seconds(), 1<<10)
		synctest.Wait()
		if c.Held() {
			t.Error("still held")
		}
	})
}

// TestDroppedUploadsCostNothing: what a choke took back is there for others,
// and a connection that ends while it waits ends at once.
func TestDroppedUploadsCostNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := NewLimiter(hashing.BlockSize)
		up.ReserveN(time.Now(), limitBurst)
		a, theirs, r := limited(t, up, nil)
		a.Upload(wire.Block{Index: 1, Length: hashing.BlockSize})
		synctest.Wait()
		a.DropUploads(func(wire.Block) bool { return false })
		a.Send(wire.AppendChoke)
		readMessage(t, theirs)
		synctest.Wait()
		if n := up.TokensAt(time.Now()); n < -1 {
			t.Errorf("%v tokens are still owed for what was dropped", -n)
		}
		a.Upload(wire.Block{Index: 1, Length: 8 * hashing.BlockSize})
		synctest.Wait()
		began := time.Now()
		a.Close(nil)
		<-r.closed
		if d := time.Since(began); d > 0 {
			t.Errorf("ended after %v", d)
		}
		if n := up.TokensAt(time.Now()); n < -1 {
			t.Errorf("%v tokens are still owed after the end", -n)
		}
	})
}

// TestLongBlocks: a request of more than one turn is served.
func TestLongBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, theirs, _ := limited(t, NewLimiter(32<<10), nil)
		reads(c, theirs)
		for range 100 {
			c.Upload(wire.Block{Index: 1, Length: 8 * hashing.BlockSize})
			c.Upload(wire.Block{Index: 1, Length: 1})
			c.Upload(wire.Block{Index: 9, Length: hashing.BlockSize}) // is not there
		}
		began := time.Now()
		for c.Uploading() > 0 {
			time.Sleep(time.Second)
		}
		within(t, "long and short blocks", 0.1, float64(100*8*hashing.BlockSize-limitBurst)/time.Since(began).Seconds(), 32<<10)
	})
}

func TestNoLimit(t *testing.T) {
	for _, n := range []int64{0, -1} {
		if NewLimiter(n) != nil {
			t.Errorf("%d is a limit", n)
		}
	}
	if l := NewLimiter(1 << 62); l.Burst() < limitBurst {
		t.Errorf("burst %d", l.Burst())
	}
}
