package peer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/wire"
)

// recorder is a Handler that passes on what it is told.
type recorder struct {
	got    chan Message
	closed chan error
}

func newRecorder() *recorder {
	return &recorder{got: make(chan Message, 1000), closed: make(chan error, 1)}
}

func (r *recorder) Messages(c *Conn, batch []Message) {
	for _, m := range batch {
		r.got <- m
	}
	c.Recycle(batch)
}

func (r *recorder) Closed(_ *Conn, err error) { r.closed <- err }

// pattern is a Source whose every byte is the piece's index, but for one
// piece that it has lost.
type pattern struct{ lost int }

func (p pattern) ReadBlock(dst []byte, b wire.Block) error {
	if b.Index == p.lost {
		return os.ErrNotExist
	}
	for i := range dst {
		dst[i] = byte(b.Index)
	}
	return nil
}

// start returns a Conn and the remote end of its connection.
func start(t *testing.T) (*Conn, net.Conn, *recorder) {
	t.Helper()
	ours, theirs := net.Pipe()
	r := newRecorder()
	c := Start(Config{Net: ours, Pool: &Pool{}, Source: pattern{lost: 9}, Handler: r, Fast: true, Pieces: 10})
	t.Cleanup(func() { theirs.Close(); c.Close(nil) })
	return c, theirs, r
}

// readMessage reads one message, length prefix and all.
func readMessage(t *testing.T, r io.Reader) []byte {
	t.Helper()
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil {
		t.Fatal(err)
	}
	body := make([]byte, binary.BigEndian.Uint32(head))
	if _, err := io.ReadFull(r, body); err != nil {
		t.Fatal(err)
	}
	return append(head, body...)
}

func TestMessagesArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, theirs, r := start(t)
		block := wire.Block{Index: 3, Begin: hashing.BlockSize, Length: 100}
		payload := bytes.Repeat([]byte{7}, 100)
		out := wire.AppendKeepAlive(nil)
		out = wire.AppendHave(out, 5)
		out = append(out, 0, 0, 0, 3, 99, 1, 2) // an unknown message: skipped
		out = wire.AppendRequest(out, block)
		out = append(wire.AppendPieceHeader(out, 3, hashing.BlockSize, 100), payload...)
		out = wire.AppendUnchoke(out)
		go theirs.Write(out)
		if m := <-r.got; m.ID != wire.MsgHave || m.Index != 5 {
			t.Errorf("got %+v, want have 5", m)
		}
		if m := <-r.got; m.ID != wire.MsgRequest || m.Block != block {
			t.Errorf("got %+v, want request %+v", m, block)
		}
		if m := <-r.got; m.ID != wire.MsgPiece || m.Block != block || !bytes.Equal(m.Data.Bytes(), payload) {
			t.Errorf("got %+v, want piece %+v", m, block)
		}
		if m := <-r.got; m.ID != wire.MsgUnchoke {
			t.Errorf("got %+v, want unchoke", m)
		}
	})
}

func TestUploadsFollowControlMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, theirs, _ := start(t)
		kept, lost := wire.Block{Index: 1, Length: 10}, wire.Block{Index: 9, Length: 10}
		c.Upload(wire.Block{Index: 2, Length: 10})
		synctest.Wait() // the writer waits for us to read
		c.Upload(lost)
		c.Upload(kept)
		c.Send(func(dst []byte) []byte { return wire.AppendHave(dst, 4) })
		want := [][]byte{
			append(wire.AppendPieceHeader(nil, 2, 0, 10), bytes.Repeat([]byte{2}, 10)...),
			wire.AppendHave(nil, 4),
			wire.AppendReject(nil, lost),
			append(wire.AppendPieceHeader(nil, 1, 0, 10), bytes.Repeat([]byte{1}, 10)...),
		}
		for i, w := range want {
			if got := readMessage(t, theirs); !bytes.Equal(got, w) {
				t.Errorf("message %d: got %x, want %x", i, got, w)
			}
		}
		synctest.Wait() // it counts when all is written, we have read it before
		if c.Sent() != 20 {
			t.Errorf("sent %d, want 20", c.Sent())
		}
	})
}

func TestQueuedUploadsCanBeTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, _ := start(t)
		c.Upload(wire.Block{Index: 0, Length: 1})
		synctest.Wait() // taken by the writer, which cannot write
		for i := 1; i < 5; i++ {
			c.Upload(wire.Block{Index: i, Length: 1})
		}
		if !c.CancelUpload(wire.Block{Index: 2, Length: 1}) || c.CancelUpload(wire.Block{Index: 0, Length: 1}) {
			t.Error("cancel took back the wrong one")
		}
		dropped := c.DropUploads(func(b wire.Block) bool { return b.Index == 3 })
		if len(dropped) != 2 || c.Uploading() != 1 {
			t.Errorf("dropped %v, %d left; want 1 and 4 dropped", dropped, c.Uploading())
		}
	})
}

func TestBreakers(t *testing.T) {
	big := make([]byte, 4)
	binary.BigEndian.PutUint32(big, 1<<32-1)
	for name, bytes := range map[string][]byte{
		"a length of 4 GiB":          append(big, wire.MsgPiece),
		"a long have":                {0, 0, 0, 6, wire.MsgHave, 0, 0, 0, 0, 0},
		"a short have":               {0, 0, 0, 4, wire.MsgHave, 0, 0, 0},
		"a block of nothing":         {0, 0, 0, 9, wire.MsgPiece, 0, 0, 0, 0, 0, 0, 0, 0},
		"a piece message of 3 bytes": {0, 0, 0, 4, wire.MsgPiece, 0, 0, 0},
		"a choke with a payload":     {0, 0, 0, 2, wire.MsgChoke, 0},
		"a bitfield too long":        {0, 0, 0, 4, wire.MsgBitfield, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, theirs, r := start(t)
				go theirs.Write(bytes)
				var broken *wire.MessageError
				if err := <-r.closed; !errors.As(err, &broken) {
					t.Errorf("closed for %v, want a MessageError", err)
				}
				if c.Pool.Out() != 0 {
					t.Errorf("%d bytes not given back", c.Pool.Out())
				}
			})
		})
	}
}

func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, theirs, r := start(t)
		began := time.Now()
		if got := readMessage(t, theirs); len(got) != 4 {
			t.Errorf("got %x, want a keep-alive", got)
		}
		if d := time.Since(began); d > 2*time.Minute {
			t.Errorf("keep-alive after %v", d)
		}
		go io.Copy(io.Discard, theirs)
		if err := <-r.closed; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) > 3*time.Minute {
			t.Errorf("closed for %v after %v, want a deadline before 3 min", err, time.Since(began))
		}
	})
}

func TestPeerThatReadsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, r := start(t)
		for range 2 * maxControl / 9 {
			c.Send(func(dst []byte) []byte { return wire.AppendHave(dst, 1) })
		}
		if err := <-r.closed; !errors.Is(err, ErrTooSlow) {
			t.Errorf("closed for %v, want %v", err, ErrTooSlow)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c, _, r := start(t)
		c.Upload(wire.Block{Length: 1})
		began := time.Now()
		if err := <-r.closed; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != writeTimeout {
			t.Errorf("closed for %v after %v, want a deadline after %v", err, time.Since(began), writeTimeout)
		}
	})
}
