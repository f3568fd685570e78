package swarmtest

import (
	"context"
	"time"

	"p2pfs/swarm/wire"
)

// Bad is a behaviour with a name, made for a torrent.
type Bad struct {
	Name string
	Make func(*Torrent) Behaviour
}

// Hostile returns all bad behaviours, those that only fail included. With any
// of them beside an honest seeder a download must end well.
func Hostile() []Bad {
	var all []Bad
	for _, some := range [][]Bad{liars(), quitters(), mutes(), floods(), breakers(), extenders(), metadataLiars(), hashLiars()} {
		all = append(all, some...)
	}
	return all
}

// liars serve wrong bytes.
func liars() []Bad {
	return []Bad{
		{"corrupt every block", func(tor *Torrent) Behaviour { return CorruptEvery(tor, 1) }},
		{"corrupt every 7th block", func(tor *Torrent) Behaviour { return CorruptEvery(tor, 7) }},
		{"corrupt after 20 blocks", func(tor *Torrent) Behaviour { return CorruptAfter(tor, 20) }},
		{"blocks shifted by a byte", Shifted},
		{"blocks from elsewhere", FromElsewhere},
		{"all zeros", Zeros},
	}
}

// CorruptEvery flips a bit in every k-th block.
func CorruptEvery(tor *Torrent, k int) Behaviour {
	return filtered(tor, func(s *Session, _ wire.Block, data []byte) []byte {
		if s.Sent%k == k-1 {
			return corrupt(data)
		}
		return data
	})
}

// CorruptAfter serves n blocks and flips a bit in all further ones.
func CorruptAfter(tor *Torrent, n int) Behaviour {
	return filtered(tor, func(s *Session, _ wire.Block, data []byte) []byte {
		if s.Sent >= n {
			return corrupt(data)
		}
		return data
	})
}

// Shifted serves the bytes one behind those asked for.
func Shifted(tor *Torrent) Behaviour {
	return filtered(tor, func(_ *Session, _ wire.Block, data []byte) []byte {
		return append(append(make([]byte, 0, len(data)), data[1:]...), data[0])
	})
}

// FromElsewhere serves bytes of the torrent that were not asked for.
func FromElsewhere(tor *Torrent) Behaviour {
	return filtered(tor, func(_ *Session, _ wire.Block, data []byte) []byte {
		other := corrupt(data)
		copy(other, tor.Space[len(tor.Space)/2:])
		return other
	})
}

// Zeros serves zeros.
func Zeros(tor *Torrent) Behaviour {
	return filtered(tor, func(_ *Session, _ wire.Block, data []byte) []byte { return make([]byte, len(data)) })
}

func filtered(tor *Torrent, f func(*Session, wire.Block, []byte) []byte) Behaviour {
	return (&Seeder{Torrent: tor, Filter: f}).Behave
}

// corrupt returns a copy of data with one bit flipped.
func corrupt(data []byte) []byte {
	data = append([]byte(nil), data...)
	data[len(data)/2] ^= 0x10
	return data
}

// quitters end in the middle.
func quitters() []Bad {
	return []Bad{
		{"vanish mid block", func(tor *Torrent) Behaviour { return Vanish(tor, 3, (*Conn).Close) }},
		{"reset mid block", func(tor *Torrent) Behaviour { return Vanish(tor, 3, (*Conn).Reset) }},
		{"stall mid block", func(tor *Torrent) Behaviour { return Vanish(tor, 3, nil) }},
		{"stall after 5 blocks", func(tor *Torrent) Behaviour { return Stall(tor, 5) }},
		{"slow, 2 KiB/s", func(tor *Torrent) Behaviour { return Slow(tor, 2<<10) }},
		{"choke after each block", ChokeFlap},
	}
}

// Vanish serves n blocks, sends half of the next and then ends the connection
// by end; nil leaves it open and silent.
func Vanish(tor *Torrent, n int, end func(*Conn) error) Behaviour {
	return (&Seeder{Torrent: tor, Request: func(s *Session, b wire.Block) error {
		if s.Sent < n {
			return s.Answer(b)
		}
		if s.Sent > n {
			return nil // silent
		}
		s.Sent++
		msg := wire.AppendPieceHeader(nil, b.Index, b.Begin, b.Length)
		if err := s.Send(append(msg, s.Data(b)[:b.Length/2]...)); err != nil || end == nil {
			return err
		}
		return end(s.Conn)
	}}).Behave
}

// Stall serves n blocks and then nothing, but stays.
func Stall(tor *Torrent, n int) Behaviour {
	return (&Seeder{Torrent: tor, Request: func(s *Session, b wire.Block) error {
		if s.Sent >= n {
			return nil
		}
		return s.Answer(b)
	}}).Behave
}

// Slow serves rate bytes/s.
func Slow(tor *Torrent, rate int) Behaviour {
	return func(ctx context.Context, c *Conn) error {
		c.Conn = &slowWriter{Conn: c.Conn, ctx: ctx, rate: rate}
		return Honest(tor)(ctx, c)
	}
}

// ChokeFlap chokes and unchokes after each block, refusing what was asked
// for before.
func ChokeFlap(tor *Torrent) Behaviour {
	return (&Seeder{Torrent: tor, Request: func(s *Session, b wire.Block) error {
		if s.Seen%2 == 0 {
			return s.Reject(b)
		}
		if err := s.Answer(b); err != nil {
			return err
		}
		return s.Send(wire.AppendUnchoke(wire.AppendChoke(nil)))
	}}).Behave
}

// mutes hold back.
func mutes() []Bad {
	return []Bad{
		{"never unchokes", NeverUnchoke},
		{"never serves", func(tor *Torrent) Behaviour { return Stall(tor, 0) }},
		{"rejects all", RejectAll},
		{"silent accept", func(*Torrent) Behaviour { return Silent }},
		{"slow handshake", SlowHandshake},
		{"silent after the handshake", SilentAfterHandshake},
		{"seed of nothing", HaveNothing},
	}
}

// NeverUnchoke has everything and never unchokes.
func NeverUnchoke(tor *Torrent) Behaviour {
	return (&Seeder{Torrent: tor, Admit: func(*Session) error { return nil }}).Behave
}

// RejectAll unchokes and rejects every request.
func RejectAll(tor *Torrent) Behaviour {
	return (&Seeder{Torrent: tor, Request: func(s *Session, b wire.Block) error { return s.Reject(b) }}).Behave
}

// Silent accepts and sends not a byte.
func Silent(ctx context.Context, _ *Conn) error {
	<-ctx.Done()
	return ctx.Err()
}

// SlowHandshake sends a byte of its handshake a second.
func SlowHandshake(tor *Torrent) Behaviour {
	return (&Seeder{Torrent: tor, Shake: func(ctx context.Context, s *Session) error {
		h := wire.AppendHandshake(nil, wire.Handshake{InfoHash: tor.InfoHash(), PeerID: s.PeerID})
		for i := range h {
			if err := s.Send(h[i : i+1]); err != nil {
				return err
			}
			if err := sleep(ctx, time.Second); err != nil {
				return err
			}
		}
		return nil
	}}).Behave
}

// SilentAfterHandshake sends its handshake and nothing more.
func SilentAfterHandshake(tor *Torrent) Behaviour {
	return (&Seeder{Torrent: tor, Greet: func(ctx context.Context, s *Session) error { return Silent(ctx, s.Conn) }}).Behave
}

// HaveNothing has no piece and wants none: a connection held for nothing.
func HaveNothing(tor *Torrent) Behaviour {
	return (&Seeder{Torrent: tor, Greet: func(ctx context.Context, s *Session) error {
		if err := s.sendExtended(); err != nil || !s.Theirs.Fast() {
			return err
		}
		return s.Send(wire.AppendHaveNone(nil))
	}}).Behave
}

// sleep waits for d or the end of ctx, whose error it returns.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
