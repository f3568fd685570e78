package swarmtest

import (
	"context"
	"errors"
	"fmt"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/wire"
)

// depth is how many requests a leecher of this package has outstanding.
const depth = 64

// Errors of Leech.
var (
	ErrBadBlock = errors.New("a block is not what the torrent says")
	ErrUnasked  = errors.New("a block that was not asked for")
	ErrRejected = errors.New("a request was rejected")
)

// Leech is a plain, strict downloader, to see that a peer serves: it fetches
// a whole torrent over one connection with 64 requests outstanding, checks
// every block against the payload, and returns how many were good. It
// returns with the first thing that is wrong.
func Leech(ctx context.Context, c *Conn, tor *Torrent) (good int, err error) {
	defer context.AfterFunc(ctx, func() { c.Close() })()
	h := wire.Handshake{InfoHash: tor.InfoHash()}
	h.SetExtended()
	h.SetFast()
	if err := c.SendHandshake(h); err != nil {
		return 0, err
	}
	theirs, err := c.ReadHandshake()
	if err != nil {
		return 0, err
	}
	if theirs.InfoHash != h.InfoHash {
		return 0, errWrongInfoHash
	}
	if err := c.Send(wire.AppendInterested(wire.AppendHaveNone(nil))); err != nil {
		return 0, err
	}
	l := leech{Conn: c, tor: tor, asked: make(map[wire.Block]bool), wanted: blocksOf(tor)}
	for l.good < l.total() {
		m, err := c.ReadMsg()
		if err != nil {
			return l.good, err
		}
		if err := l.handle(m); err != nil {
			return l.good, err
		}
	}
	return l.good, nil
}

// blocksOf returns all blocks of a torrent in order.
func blocksOf(tor *Torrent) (all []wire.Block) {
	for i := range tor.Info.Pieces.Count() {
		for b := range tor.Info.Pieces.Blocks(i) {
			all = append(all, wire.Block{Index: i, Begin: b * hashing.BlockSize, Length: tor.Info.Pieces.BlockLen(i, b)})
		}
	}
	return all
}

// leech is what Leech keeps.
type leech struct {
	*Conn
	tor    *Torrent
	wanted []wire.Block // not asked for yet
	asked  map[wire.Block]bool
	good   int
}

func (l *leech) total() int { return l.good + len(l.asked) + len(l.wanted) }

func (l *leech) handle(m Msg) error {
	switch {
	case m.KeepAlive:
	case m.ID == wire.MsgUnchoke:
		return l.ask()
	case m.ID == wire.MsgReject:
		return ErrRejected
	case m.ID == wire.MsgPiece:
		if len(m.Payload) < wire.PieceHeaderLen {
			return fmt.Errorf("piece of %d bytes", len(m.Payload))
		}
		data := m.Payload[wire.PieceHeaderLen:]
		b, err := wire.ParsePieceHeader(m.Payload[:wire.PieceHeaderLen], len(data))
		if err != nil {
			return err
		}
		if !l.asked[b] {
			return fmt.Errorf("%w: %+v", ErrUnasked, b)
		}
		delete(l.asked, b)
		start := b.Index*int(l.tor.Info.PieceLength) + b.Begin
		if string(data) != string(l.tor.Space[start:start+b.Length]) {
			return fmt.Errorf("%w: %+v", ErrBadBlock, b)
		}
		l.good++
		return l.ask()
	}
	return nil
}

// ask fills up the requests outstanding.
func (l *leech) ask() error {
	var msg []byte
	for len(l.asked) < depth && len(l.wanted) > 0 {
		b := l.wanted[0]
		l.wanted = l.wanted[1:]
		l.asked[b] = true
		msg = wire.AppendRequest(msg, b)
	}
	if msg == nil {
		return nil
	}
	return l.Send(msg)
}
