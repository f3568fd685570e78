package peer

import (
	"bytes"
	"math/rand/v2"
	"net"
	"testing"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/wire"
)

// pair is both ends of a connection over loopback.
func pair(t testing.TB) (ours, theirs net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if theirs, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if ours, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return ours, theirs
}

// said is a message as it should arrive.
type said struct {
	id    byte
	index int
	data  []byte
}

// draw makes a stream of messages: runs of whole blocks, with anything between.
func draw(rng *rand.Rand, n int) (out []byte, want []said) {
	for i := range n {
		switch k := rng.IntN(20); {
		case k < 16:
			size := hashing.BlockSize
			if k == 0 {
				size = 1 + rng.IntN(hashing.BlockSize)
			}
			data := make([]byte, size)
			for j := range data {
				data[j] = byte(i + j*7)
			}
			out = append(wire.AppendPieceHeader(out, i, 0, size), data...)
			want = append(want, said{wire.MsgPiece, i, data})
		case k == 16:
			out = wire.AppendKeepAlive(out)
		case k == 17:
			out = append(out, 0, 0, 0, 3, 99, 1, 2) // an unknown message: skipped
		default:
			out = wire.AppendHave(out, i)
			want = append(want, said{wire.MsgHave, i, nil})
		}
	}
	return out, want
}

// TestScatteredReads: whatever comes, cut however, while any number of blocks
// is expected, arrives whole and in order.
func TestScatteredReads(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 1))
		out, want := draw(rng, 200)
		ours, theirs := pair(t)
		r := newRecorder()
		pool := &Pool{}
		c := Start(Config{Net: ours, Pool: pool, Source: zeros{}, Handler: r, Fast: true, Pieces: 200})
		c.Expect(rng.IntN(40))
		go func() {
			cuts := rand.New(rand.NewPCG(seed, 2))
			for len(out) > 0 {
				n := min(len(out), 1+cuts.IntN([]int{20, 2000, 60_000, 500_000}[cuts.IntN(4)]))
				if _, err := theirs.Write(out[:n]); err != nil {
					return
				}
				out = out[n:]
			}
		}()
		for i, w := range want {
			m := <-r.got
			if i%50 == 0 {
				c.Expect(rng.IntN(40))
			}
			if m.ID != w.id || m.ID == wire.MsgHave && m.Index != w.index {
				t.Fatalf("seed %d: message %d is %+v, want %d of %d", seed, i, m, w.id, w.index)
			}
			if m.Data == nil {
				continue
			}
			if m.Block.Index != w.index || !bytes.Equal(m.Data.Bytes(), w.data) {
				t.Fatalf("seed %d: message %d is another block", seed, i)
			}
			m.Data.Release()
		}
		theirs.Close()
		<-r.closed
		if pool.Out() != 0 {
			t.Errorf("seed %d: %d bytes not given back", seed, pool.Out())
		}
	}
}

// TestScatteredEnds: a connection that ends or breaks within a run of blocks
// gives every buffer back.
func TestScatteredEnds(t *testing.T) {
	run := bytes.Repeat(append(wire.AppendPieceHeader(nil, 1, 0, hashing.BlockSize), make([]byte, hashing.BlockSize)...), 3)
	for name, tail := range map[string][]byte{
		"between blocks":   nil,
		"in a header":      run[:7],
		"in a block":       run[:9000],
		"a broken message": {0xff, 0xff, 0xff, 0xff, wire.MsgPiece},
		"a huge index":     append([]byte{0, 0, 0x40, 9, wire.MsgPiece, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, make([]byte, hashing.BlockSize)...),
	} {
		ours, theirs := pair(t)
		r, pool := newRecorder(), &Pool{}
		c := Start(Config{Net: ours, Pool: pool, Source: zeros{}, Handler: r, Fast: true, Pieces: 10})
		c.Expect(30)
		theirs.Write(append(bytes.Clone(run), tail...))
		for range 3 {
			m := <-r.got
			m.Data.Release()
		}
		theirs.Close()
		if err := <-r.closed; err == nil {
			t.Errorf("%s: closed without an error", name)
		}
		if pool.Out() != 0 {
			t.Errorf("%s: %d bytes not given back", name, pool.Out())
		}
	}
}

// sink is a Handler that drops what comes and tells how many blocks it was.
type sink struct {
	want int
	done chan struct{}
}

func (s *sink) Messages(c *Conn, batch []Message) {
	for _, m := range batch {
		m.Data.Release()
	}
	if s.want -= len(batch); s.want == 0 {
		close(s.done)
	}
	c.Recycle(batch)
}

func (s *sink) Closed(*Conn, error) {}

// BenchmarkReceive is the reader alone, fed with blocks by a socket.
func BenchmarkReceive(b *testing.B) {
	const blocks = 64
	run := bytes.Repeat(append(wire.AppendPieceHeader(nil, 1, 0, hashing.BlockSize), make([]byte, hashing.BlockSize)...), blocks)
	for name, expect := range map[string]int{"one by one": 0, "scattered": 1 << 30} {
		b.Run(name, func(b *testing.B) {
			ours, theirs := pair(b)
			s := &sink{want: b.N * blocks, done: make(chan struct{})}
			c := Start(Config{Net: ours, Pool: &Pool{}, Source: zeros{}, Handler: s, Fast: true, Pieces: 10})
			c.Expect(expect)
			b.SetBytes(blocks * hashing.BlockSize)
			b.ResetTimer()
			for range b.N {
				theirs.Write(run)
			}
			<-s.done
			b.StopTimer()
			c.Close(nil)
		})
	}
}
