package swarmtest

import (
	"context"
	"errors"
	"fmt"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/wire"
)

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
	n := s.Torrent.Info.Pieces.Count()
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
func (s *Session) SendHashes(r hashing.HashRequest) error {
	hashes, uncles, ok := s.Torrent.trees[r.Root].answer(r)
	if !ok {
		return s.Send(wire.AppendHashReject(nil, r))
	}
	return s.Send(wire.AppendHashes(nil, r, hashes, uncles))
}
