package swarmtest

import (
	"context"
	"errors"
	"fmt"

	"p2pfs/swarm/wire"
)

// Ids that a Seeder chooses for its extensions.
const (
	extMetadata = 2
	extDontHave = 7
)

// Seeder is an honest seeder whose steps can be replaced one by one: a step
// that is nil is done honestly. Its Behave is a Behaviour.
type Seeder struct {
	Torrent *Torrent
	PeerID  [20]byte // zero: drawn for each connection

	Shake    func(ctx context.Context, s *Session) error        // both handshakes
	Greet    func(ctx context.Context, s *Session) error        // what follows: extended handshake, have all
	Admit    func(s *Session) error                             // the peer is interested: unchoke
	Request  func(s *Session, b wire.Block) error               // a request within bounds came
	Metadata func(s *Session, m wire.Metadata) error            // a ut_metadata request came
	Hashes   func(s *Session, r wire.HashRequest) error         // a hash request came
	Beside   func(ctx context.Context, s *Session) error        // runs beside all that after Greet; its end ends nothing
	Extended func(h *wire.ExtendedHandshake)                    // changes the extended handshake
	Filter   func(s *Session, b wire.Block, data []byte) []byte // changes a block before it is sent
}

// Session is one connection of a Seeder.
type Session struct {
	*Conn
	Torrent *Torrent
	PeerID  [20]byte
	Ours    wire.Handshake
	Theirs  wire.Handshake
	Ext     map[string]int // their ids for extensions, once told
	Choking bool
	Sent    int // blocks sent
	Seen    int // requests that came

	seeder *Seeder
}

// errHashRequest ends a connection of WithoutV2.
var errHashRequest = errors.New("swarmtest: a hash request, which was not agreed")

// errWrongInfoHash ends a connection for another torrent.
var errWrongInfoHash = errors.New("swarmtest: another infohash")

// Honest returns the behaviour of an honest seeder.
func Honest(tor *Torrent) Behaviour { return (&Seeder{Torrent: tor}).Behave }

// WithoutV2 is an honest seeder of a hybrid that knows nothing of BEP 52, and
// ends a connection on which it is asked for hashes.
func WithoutV2(tor *Torrent) Behaviour {
	return (&Seeder{
		Torrent: tor,
		Shake: func(_ context.Context, s *Session) error {
			return s.shakeAs(func(ours *wire.Handshake) {
				bare := wire.Handshake{InfoHash: ours.InfoHash, PeerID: ours.PeerID}
				bare.SetExtended()
				bare.SetFast()
				*ours = bare
			})
		},
		Hashes: func(*Session, wire.HashRequest) error { return errHashRequest },
	}).Behave
}

// Upgrading is an honest seeder of a hybrid torrent, which answers whoever sets
// the bit with the v2 infohash, whatever it was asked for (BEP 52).
func Upgrading(tor *Torrent) Behaviour {
	return (&Seeder{Torrent: tor, Shake: func(_ context.Context, s *Session) error {
		return s.shakeAs(func(ours *wire.Handshake) {
			if s.Theirs.V2() {
				ours.InfoHash = tor.InfoHash()
			}
		})
	}}).Behave
}

// Behave serves one connection.
func (sd *Seeder) Behave(ctx context.Context, c *Conn) error {
	// A peer may be quiet for two minutes (BEP 3); ctx ends this one.
	c.Timeout = 0
	s := &Session{Conn: c, Torrent: sd.Torrent, PeerID: sd.PeerID, Choking: true, seeder: sd}
	if s.PeerID == [20]byte{} {
		s.PeerID = PeerID()
	}
	for _, step := range []func(context.Context, *Session) error{orElse(sd.Shake, shake), orElse(sd.Greet, greet)} {
		if err := step(ctx, s); err != nil {
			return err
		}
	}
	if sd.Beside != nil {
		ctx, cancel := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = sd.Beside(ctx, s)
		}()
		defer func() {
			cancel()
			c.Close() // ends a write that Beside may be in
			<-done
		}()
	}
	for {
		m, err := s.ReadMsg()
		if err != nil {
			return err
		}
		if err := s.handle(m); err != nil {
			return err
		}
	}
}

// orElse returns f, or honest where f is nil.
func orElse(f, honest func(context.Context, *Session) error) func(context.Context, *Session) error {
	if f != nil {
		return f
	}
	return honest
}

// shake is the honest exchange of handshakes: whoever was dialled answers
// with the infohash that he was asked for.
func shake(_ context.Context, s *Session) error { return s.shakeAs(nil) }

// shakeAs exchanges handshakes, ours changed by f, which may be nil.
func (s *Session) shakeAs(f func(*wire.Handshake)) (err error) {
	s.Ours = wire.Handshake{InfoHash: s.Torrent.InfoHash(), PeerID: s.PeerID}
	s.Ours.SetExtended()
	s.Ours.SetFast()
	if s.Torrent.Info.V2 {
		s.Ours.SetV2()
	}
	if !s.Dialed {
		if s.Theirs, err = s.ReadHandshake(); err != nil {
			return err
		}
		s.Ours.InfoHash = s.Theirs.InfoHash
	}
	if f != nil {
		f(&s.Ours)
	}
	if err := s.SendHandshake(s.Ours); err != nil {
		return err
	}
	if s.Dialed {
		if s.Theirs, err = s.ReadHandshake(); err != nil {
			return err
		}
	}
	for _, h := range s.Torrent.Info.InfoHashes() {
		if s.Theirs.InfoHash == h {
			return nil
		}
	}
	return errWrongInfoHash
}

// greet sends the extended handshake and that we have everything.
func greet(_ context.Context, s *Session) error {
	if err := s.sendExtended(); err != nil {
		return err
	}
	return s.sendHaveAll()
}

func (s *Session) sendExtended() error {
	if !s.Theirs.Extended() {
		return nil
	}
	h := wire.ExtendedHandshake{
		M:            map[string]int{wire.ExtMetadata: extMetadata, wire.ExtDontHave: extDontHave},
		V:            "swarmtest",
		MetadataSize: len(s.Torrent.Info.Raw),
	}
	if s.seeder.Extended != nil {
		s.seeder.Extended(&h)
	}
	return s.Send(wire.AppendExtendedHandshake(nil, &h))
}

func (s *Session) sendHaveAll() error {
	if s.Theirs.Fast() {
		return s.Send(wire.AppendHaveAll(nil))
	}
	return s.Send(s.bitfield())
}

// bitfield returns a bitfield message that has everything.
func (s *Session) bitfield() []byte {
	n := s.Torrent.Info.NumPieces()
	msg := wire.AppendHeader(nil, wire.MsgBitfield, wire.BitfieldLen(n))
	for i := 0; i < n; i += 8 {
		msg = append(msg, byte(0xff<<max(0, i+8-n)))
	}
	return msg
}

// handle answers one message. What a seeder has no use for is skipped.
func (s *Session) handle(m Msg) error {
	if m.KeepAlive {
		return nil
	}
	switch m.ID {
	case wire.MsgInterested:
		return s.admit()
	case wire.MsgRequest:
		return s.request(m.Payload)
	case wire.MsgExtended:
		return s.extended(m.Payload)
	case wire.MsgHashRequest:
		return s.hashRequest(m.Payload)
	}
	return nil
}

func (s *Session) admit() error {
	if s.seeder.Admit != nil {
		return s.seeder.Admit(s)
	}
	return s.Unchoke()
}

// Unchoke unchokes the peer.
func (s *Session) Unchoke() error {
	s.Choking = false
	return s.Send(wire.AppendUnchoke(nil))
}

func (s *Session) request(p []byte) error {
	b, err := wire.ParseRequest(p)
	if err != nil {
		return err
	}
	if !s.Torrent.serves(b) {
		return fmt.Errorf("swarmtest: request out of range: %+v", b)
	}
	s.Seen++
	if s.seeder.Request != nil {
		return s.seeder.Request(s, b)
	}
	return s.Answer(b)
}

// Answer sends a block, or the refusal that is due while choking.
func (s *Session) Answer(b wire.Block) error {
	if s.Choking {
		return s.Reject(b)
	}
	return s.SendBlock(b, s.Data(b))
}

// Reject refuses a block where the fast extension is in force.
func (s *Session) Reject(b wire.Block) error {
	if !s.Theirs.Fast() {
		return nil
	}
	return s.Send(wire.AppendReject(nil, b))
}

// Data returns the true bytes of a block; behind the end of a file they are
// zeros.
func (s *Session) Data(b wire.Block) []byte {
	data := make([]byte, b.Length)
	if start := b.Index*int(s.Torrent.Info.PieceLength) + b.Begin; start < len(s.Torrent.Space) {
		copy(data, s.Torrent.Space[start:])
	}
	return data
}

// SendBlock sends a piece message with data, through the seeder's Filter.
func (s *Session) SendBlock(b wire.Block, data []byte) error {
	if s.seeder.Filter != nil {
		data = s.seeder.Filter(s, b, data)
	}
	s.Sent++
	msg := wire.AppendPieceHeader(make([]byte, 0, 13+len(data)), b.Index, b.Begin, len(data))
	return s.Send(append(msg, data...))
}

func (s *Session) extended(p []byte) error {
	id, body, err := wire.ParseExtended(p)
	if err != nil {
		return err
	}
	switch id {
	case 0:
		h, err := wire.ParseExtendedHandshake(body)
		if err != nil {
			return err
		}
		s.Ext = h.M
	case extMetadata:
		m, err := wire.ParseMetadata(body)
		if err != nil || m.Type != wire.MetadataRequest {
			return err
		}
		if s.seeder.Metadata != nil {
			return s.seeder.Metadata(s, m)
		}
		return s.SendMetadata(m.Piece, s.Torrent.Info.Raw)
	}
	return nil
}

// SendMetadata answers a ut_metadata request for a piece out of raw.
func (s *Session) SendMetadata(piece int, raw []byte) error {
	m := wire.Metadata{Type: wire.MetadataReject, Piece: piece}
	if start := piece * wire.MetadataPiece; start < len(raw) {
		m.Type, m.TotalSize = wire.MetadataData, len(raw)
		m.Data = raw[start:min(len(raw), start+wire.MetadataPiece)]
	}
	return s.Send(wire.AppendMetadata(nil, byte(s.Ext[wire.ExtMetadata]), m))
}

func (s *Session) hashRequest(p []byte) error {
	r, err := wire.ParseHashRequest(p)
	if err != nil {
		return err
	}
	if s.seeder.Hashes != nil {
		return s.seeder.Hashes(s, r)
	}
	return s.SendHashes(r)
}

// SendHashes answers a hash request honestly.
func (s *Session) SendHashes(r wire.HashRequest) error {
	hashes, uncles, ok := s.Torrent.trees[r.Root].answer(r)
	if !ok {
		return s.Send(wire.AppendHashReject(nil, r))
	}
	return s.Send(wire.AppendHashes(nil, r, hashes, uncles))
}
