package swarm

import (
	"testing"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/wire"
)

// wants asks for all blocks of some pieces.
func (a asker) wants(length int, pieces ...int) {
	for _, piece := range pieces {
		for begin := 0; begin < length; begin += hashing.BlockSize {
			a.send(wire.AppendRequest(nil, wire.Block{Index: piece, Begin: begin, Length: hashing.BlockSize}))
		}
	}
}

// answer returns the next piece or reject message, and its piece.
func (a asker) answer() (id byte, piece int) {
	a.t.Helper()
	for {
		m, err := a.ReadMsg()
		if err != nil {
			a.t.Fatal(err)
		}
		if !m.KeepAlive && (m.ID == wire.MsgPiece || m.ID == wire.MsgReject) {
			return m.ID, int(m.Payload[3])
		}
	}
}

// TestLimitedSeederSendsWholePieces: two that ask for the same piece are not
// sent it side by side. The second is sent first what only the seeder has, and
// refused once what the first can give it.
func TestLimitedSeederSendsWholePieces(t *testing.T) {
	t.Parallel()
	const length = 512 << 10
	payload := randomBytes(6 * length)
	v1, _ := torrents(t, payload, length)
	s := limited(t, 1<<20, 0)
	add(t, s, Spec{MetaInfo: v1, Storage: full(v1.Info, payload).open})
	a, _ := askAt(t, s, v1.Info.HashV1, true)
	b, _ := askAt(t, s, v1.Info.HashV1, true)
	a.wants(length, 0)
	a.answer() // from now on the piece is his
	b.wants(length, 1, 2, 3, 0)
	for range length/hashing.BlockSize - 1 {
		if id, piece := a.answer(); id != wire.MsgPiece || piece != 0 {
			t.Fatalf("%s of piece %d, want piece 0", wire.Name(id), piece)
		}
	}
	a.send(wire.AppendHave(nil, 0))
	sent, refused := map[int]int{}, map[int]int{}
	for range 4 * length / hashing.BlockSize {
		if id, piece := b.answer(); id == wire.MsgPiece {
			sent[piece]++
		} else {
			refused[piece]++
		}
	}
	if sent[0] > length/hashing.BlockSize/2 || refused[0]+sent[0] != length/hashing.BlockSize {
		t.Errorf("%d blocks of the piece that another was sent, %d refused", sent[0], refused[0])
	}
	for piece := 1; piece < 4; piece++ {
		if refused[piece] > 0 {
			t.Errorf("%d blocks of piece %d refused", refused[piece], piece)
		}
	}
	if m := b.request(0); m.ID != wire.MsgPiece {
		t.Error("refused a second time")
	}
}

// TestLimitedSeederAnswersReaders: a block that a reader asks for does not wait
// behind the pieces of others.
func TestLimitedSeederAnswersReaders(t *testing.T) {
	t.Parallel()
	const length = 1 << 20
	payload := randomBytes(8 * length)
	v1, _ := torrents(t, payload, length)
	s := limited(t, 512<<10, 0)
	add(t, s, Spec{MetaInfo: v1, Storage: full(v1.Info, payload).open})
	bulk, _ := askAt(t, s, v1.Info.HashV1, true)
	reader, _ := askAt(t, s, v1.Info.HashV1, true)
	bulk.wants(length, 0, 1, 2, 3)
	for range 24 { // past what is sent at once
		bulk.answer()
	}
	_, before := s.Transferred()
	for i := range 3 {
		if m := reader.request(4 + i); m.ID != wire.MsgPiece {
			t.Fatal("refused")
		}
	}
	if _, after := s.Transferred(); after-before > length {
		t.Errorf("%d bytes were sent until three blocks had come", after-before)
	}
}

// TestTurnsFollowChokes: what waits for a peer that is choked is refused, but
// for what it may ask for all the same.
func TestTurnsFollowChokes(t *testing.T) {
	t.Parallel()
	const length, pieces = hashing.BlockSize, 100
	payload := randomBytes(pieces * length)
	v1, _ := torrents(t, payload, length)
	s := limited(t, 64<<10, 0)
	tor := add(t, s, Spec{MetaInfo: v1, Storage: full(v1.Info, payload).open})
	a, _ := askAt(t, s, v1.Info.HashV1, true)
	for i := range pieces {
		a.wants(length, i)
	}
	a.answer()
	tor.post(onLoop(func(l *loop) {
		for _, r := range l.crowd.of {
			l.serve.say(l.serve.uploads.Choke(r.id, true, l.moment()))
		}
	}))
	refused := 0
	for range pieces - 1 {
		if id, _ := a.answer(); id == wire.MsgReject {
			refused++
		}
	}
	if refused < pieces/2 {
		t.Errorf("%d of %d refused", refused, pieces)
	}
}
