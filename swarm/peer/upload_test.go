package peer

import (
	"bytes"
	"math/rand/v2"
	"net"
	"os"
	"testing"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/wire"
)

const filePiece = 8 * hashing.BlockSize

// inFile is a Source: pieces end to end in one file, but for a block that is
// lost.
type inFile struct {
	f    *os.File
	lost wire.Block
}

func newInFile(t testing.TB, data []byte) *inFile {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
	return &inFile{f: f, lost: wire.Block{Index: -1}}
}

func (s *inFile) ReadBlock(dst []byte, b wire.Block) error {
	if overlap(b, s.lost) {
		return os.ErrNotExist
	}
	_, err := s.f.ReadAt(dst, int64(b.Index)*filePiece+int64(b.Begin))
	return err
}

func overlap(a, b wire.Block) bool {
	return a.Index == b.Index && a.Begin < b.Begin+b.Length && b.Begin < a.Begin+a.Length
}

// uploader starts a Conn over TCP that uploads from s.
func uploader(t testing.TB, s Source) (*Conn, net.Conn, *recorder) {
	t.Helper()
	ours, theirs := pair(t)
	r := newRecorder()
	c := Start(Config{Net: ours, Pool: &Pool{}, Source: s, Handler: r, Fast: true, Pieces: 100})
	t.Cleanup(func() { c.Close(nil) })
	return c, theirs, r
}

// TestUploadsInRuns: blocks in any order, alone or following one another, come
// as asked for, with messages between them.
func TestUploadsInRuns(t *testing.T) {
	data := make([]byte, 20*filePiece)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	s := newInFile(t, data)
	s.lost = wire.Block{Index: 7, Begin: 3 * hashing.BlockSize, Length: hashing.BlockSize}
	c, theirs, _ := uploader(t, s)
	var want []wire.Block
	payload := 0
	for len(want) < 600 {
		b := wire.Block{Index: rng.IntN(20), Begin: rng.IntN(8) * hashing.BlockSize, Length: hashing.BlockSize}
		if rng.IntN(8) == 0 {
			b.Length = 1 + rng.IntN(hashing.BlockSize)
		}
		for range 1 + rng.IntN(8) {
			if b.Begin+b.Length <= filePiece {
				want = append(want, b)
				c.Upload(b)
			}
			b.Begin += b.Length
		}
		if rng.IntN(10) == 0 {
			c.Send(wire.AppendInterested)
		}
	}
	for _, b := range want {
		got := readMessage(t, theirs)
		for got[wire.PrefixLen] == wire.MsgInterested {
			got = readMessage(t, theirs)
		}
		expected := wire.AppendReject(nil, b)
		if !overlap(b, s.lost) {
			at := b.Index*filePiece + b.Begin
			expected = append(wire.AppendPieceHeader(nil, b.Index, b.Begin, b.Length), data[at:at+b.Length]...)
			payload += b.Length
		}
		if !bytes.Equal(got, expected) {
			t.Fatalf("asked for %+v, got a message of %d bytes that is not it", b, len(got))
		}
	}
	c.Close(nil)
	if int(c.Sent()) > payload {
		t.Errorf("%d bytes counted, %d sent", c.Sent(), payload)
	}
}

// BenchmarkSend is the writer alone, to a peer that drops all.
func BenchmarkSend(b *testing.B) {
	c, theirs, _ := uploader(b, newInFile(b, make([]byte, filePiece)))
	b.SetBytes(filePiece)
	buf := make([]byte, 1<<20)
	for b.Loop() {
		for i := range 8 {
			c.Upload(wire.Block{Begin: i * hashing.BlockSize, Length: hashing.BlockSize})
		}
		for left := 8 * (hashing.BlockSize + frameHead); left > 0; {
			n, err := theirs.Read(buf[:min(left, len(buf))])
			if err != nil {
				b.Fatal(err)
			}
			left -= n
		}
	}
}
