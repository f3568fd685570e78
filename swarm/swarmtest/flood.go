package swarmtest

import (
	"context"
	"net"
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/wire"
)

// floodBuffer is the socket buffer of a flood, in bytes.
const floodBuffer = 64 << 10

// floods send without end, and serve honestly beside it.
func floods() []Bad {
	flood := func(name string, msg func(tor *Torrent) []byte) Bad {
		return Bad{Name: "flood of " + name, Make: func(tor *Torrent) Behaviour { return Flood(tor, msg(tor)) }}
	}
	block := wire.Block{Index: 0, Begin: 0, Length: hashing.BlockSize}
	return []Bad{
		flood("keep-alives", func(*Torrent) []byte { return wire.AppendKeepAlive(nil) }),
		flood("haves", func(*Torrent) []byte { return wire.AppendHave(nil, 0) }),
		flood("choke and unchoke", func(*Torrent) []byte { return wire.AppendUnchoke(wire.AppendChoke(nil)) }),
		flood("interested and not", func(*Torrent) []byte { return wire.AppendNotInterested(wire.AppendInterested(nil)) }),
		flood("cancels", func(*Torrent) []byte { return wire.AppendCancel(nil, block) }),
		flood("requests", func(*Torrent) []byte { return wire.AppendRequest(wire.AppendInterested(nil), block) }),
		flood("allowed fast", func(*Torrent) []byte { return wire.AppendAllowedFast(nil, 0) }),
		flood("suggestions", func(*Torrent) []byte { return wire.AppendSuggest(nil, 0) }),
		flood("rejects never asked for", func(*Torrent) []byte { return wire.AppendReject(nil, block) }),
		flood("unknown messages", func(*Torrent) []byte { return append(wire.AppendHeader(nil, 99, 3), "abc"...) }),
		flood("extended handshakes", func(*Torrent) []byte {
			return wire.AppendExtendedHandshake(nil, &wire.ExtendedHandshake{V: "flood"})
		}),
		flood("dont-haves", func(*Torrent) []byte { return wire.AppendDontHave(nil, 1, 0) }),
		flood("hash requests", func(tor *Torrent) []byte {
			return wire.AppendHashRequest(nil, hashing.HashRequest{Root: tor.Info.Files[0].Root, Length: 2})
		}),
		flood("metadata requests", func(*Torrent) []byte { return wire.AppendMetadata(nil, 1, wire.Metadata{}) }),
		flood("unasked blocks", unasked),
		{Name: "every block three times", Make: Duplicates},
		{Name: "an unasked block before each", Make: Unasked},
		{Name: "requests and reads nothing", Make: ReadNothing},
	}
}

// unasked is a whole piece message with the first block's true bytes.
func unasked(tor *Torrent) []byte {
	data := tor.Piece(0)
	data = data[:min(len(data), hashing.BlockSize)]
	return append(wire.AppendPieceHeader(nil, 0, 0, len(data)), data...)
}

// Flood repeats a message as fast as it can be sent, and is an honest seeder
// beside it.
func Flood(tor *Torrent, msg []byte) Behaviour {
	var many []byte
	for len(many) < floodBuffer/4 {
		many = append(many, msg...)
	}
	return (&Seeder{Torrent: tor, Beside: func(ctx context.Context, s *Session) error {
		// Megabytes of small messages in the kernel would delay the blocks
		// between them by seconds.
		if tcp, ok := s.Conn.Conn.(*net.TCPConn); ok {
			_ = tcp.SetWriteBuffer(floodBuffer)
		}
		for ctx.Err() == nil {
			if err := s.Send(many); err != nil {
				return err
			}
		}
		return ctx.Err()
	}}).Behave
}

// Duplicates sends each block three times.
func Duplicates(tor *Torrent) Behaviour {
	return (&Seeder{Torrent: tor, Request: func(s *Session, b wire.Block) error {
		for range 3 {
			if err := s.Answer(b); err != nil {
				return err
			}
		}
		return nil
	}}).Behave
}

// Unasked sends, before each block, one that nobody asked for.
func Unasked(tor *Torrent) Behaviour {
	return (&Seeder{Torrent: tor, Request: func(s *Session, b wire.Block) error {
		if err := s.Send(unasked(tor)); err != nil {
			return err
		}
		return s.Answer(b)
	}}).Behave
}

// ReadNothing asks for everything again and again and reads nothing.
func ReadNothing(tor *Torrent) Behaviour {
	return (&Seeder{Torrent: tor, Greet: func(ctx context.Context, s *Session) error {
		msg := wire.AppendInterested(wire.AppendUnchoke(nil))
		for i := range tor.Info.Pieces.Count() {
			for b := range tor.Info.Pieces.Blocks(i) {
				msg = wire.AppendRequest(msg, wire.Block{Index: i, Begin: b * hashing.BlockSize, Length: tor.Info.Pieces.BlockLen(i, b)})
			}
		}
		if err := s.sendHaveAll(); err != nil {
			return err
		}
		for ctx.Err() == nil {
			if err := s.Send(msg); err != nil {
				return err
			}
		}
		return ctx.Err()
	}}).Behave
}

// slowWriter writes rate bytes/s in small parts.
type slowWriter struct {
	net.Conn
	ctx  context.Context // the behaviour's: it ends a write
	rate int             // bytes/s
}

// Write writes p, taking its time.
func (w *slowWriter) Write(p []byte) (n int, err error) {
	part := max(1, w.rate/20)
	for n < len(p) {
		m, err := w.Conn.Write(p[n:min(len(p), n+part)])
		n += m
		if err != nil {
			return n, err
		}
		if err := sleep(w.ctx, time.Duration(m)*time.Second/time.Duration(w.rate)); err != nil {
			return n, err
		}
	}
	return n, nil
}
