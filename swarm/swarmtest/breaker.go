package swarmtest

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/wire"
)

// breakers break the form of messages.
func breakers() []Bad {
	raw := func(name string, p []byte) Bad {
		return Bad{Name: name, Make: func(tor *Torrent) Behaviour { return Then(tor, p) }}
	}
	prefix := func(n uint32, rest ...byte) []byte { return append(binary.BigEndian.AppendUint32(nil, n), rest...) }
	bads := []Bad{
		{Name: "garbage", Make: func(*Torrent) Behaviour { return Garbage }},
		{Name: "another infohash", Make: WrongInfoHash},
		{Name: "our own handshake back", Make: Echo},
		{Name: "bitfield with spare bits", Make: SpareBits},
		{Name: "bitfield too long", Make: LongBitfield},
		{Name: "late bitfield", Make: LateBitfield},
		{Name: "haves one by one", Make: LateHaves},
		raw("garbage after the handshake", Bytes(66, 4096)),
		raw("prefix of 4 GiB", prefix(0xffffffff, wire.MsgPiece)),
		raw("prefix of 2 GiB", prefix(0x80000000, wire.MsgPiece)),
		raw("prefix of 100 MiB", prefix(100<<20, wire.MsgExtended)),
		raw("block of 17 KiB", prefix(9+17<<10, wire.MsgPiece)),
		raw("have out of range", wire.AppendHave(nil, 1<<30)),
		raw("have 2^32-1", append(prefix(5, wire.MsgHave), 0xff, 0xff, 0xff, 0xff)),
		raw("request out of range", wire.AppendRequest(nil, wire.Block{Index: 1 << 30, Length: hashing.BlockSize})),
		raw("request of 2^31", append(prefix(13, wire.MsgRequest), 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0)),
		raw("request whose sum wraps", append(prefix(13, wire.MsgRequest), 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0x40, 0)),
	}
	for _, m := range []struct {
		id byte
		n  int
	}{
		{wire.MsgChoke, 1}, {wire.MsgUnchoke, 4}, {wire.MsgHave, 3}, {wire.MsgRequest, 11}, {wire.MsgPiece, 7},
		{wire.MsgCancel, 13}, {wire.MsgReject, 1}, {wire.MsgHaveAll, 2}, {wire.MsgHashRequest, 47}, {wire.MsgHashes, 49},
	} {
		bads = append(bads, raw(fmt.Sprintf("%s of %d bytes", wire.Name(m.id), m.n), WrongLength(m.id, m.n)))
	}
	return bads
}

// WrongLength returns a message whose payload is n zeros.
func WrongLength(id byte, n int) []byte {
	return append(wire.AppendHeader(nil, id, n), make([]byte, n)...)
}

// Then greets honestly, sends raw bytes, and goes on as an honest seeder.
func Then(tor *Torrent, raw []byte) Behaviour {
	return (&Seeder{Torrent: tor, Greet: func(ctx context.Context, s *Session) error {
		if err := greet(ctx, s); err != nil {
			return err
		}
		return s.Send(raw)
	}}).Behave
}

// Garbage sends random bytes in place of a handshake.
func Garbage(ctx context.Context, c *Conn) error {
	if err := c.Send(Bytes(67, 4096)); err != nil {
		return err
	}
	return Silent(ctx, c)
}

// WrongInfoHash answers with a handshake for another torrent.
func WrongInfoHash(tor *Torrent) Behaviour {
	return (&Seeder{Torrent: tor, Shake: func(_ context.Context, s *Session) error {
		return s.shakeAs(func(h *wire.Handshake) { h.InfoHash[0] ^= 1 })
	}}).Behave
}

// Echo answers with the handshake it got, peer ID and all, as if one had
// dialled oneself.
func Echo(tor *Torrent) Behaviour {
	return (&Seeder{Torrent: tor, Shake: func(_ context.Context, s *Session) error {
		return s.shakeAs(func(h *wire.Handshake) {
			if !s.Dialed {
				*h = s.Theirs
			}
		})
	}}).Behave
}

// greetWith greets with a bitfield changed by f, in place of have all.
func greetWith(f func(bitfield []byte) []byte) func(context.Context, *Session) error {
	return func(_ context.Context, s *Session) error {
		if err := s.sendExtended(); err != nil {
			return err
		}
		return s.Send(f(s.bitfield()))
	}
}

// SpareBits sends a bitfield with bits behind the last piece, or, where there
// is no room for them, a byte more.
func SpareBits(tor *Torrent) Behaviour {
	return (&Seeder{Torrent: tor, Greet: greetWith(func(msg []byte) []byte {
		if tor.Info.Pieces.Count()%8 == 0 {
			return lengthen(msg)
		}
		msg[len(msg)-1] |= 1
		return msg
	})}).Behave
}

// LongBitfield sends a bitfield with a byte too many.
func LongBitfield(tor *Torrent) Behaviour {
	return (&Seeder{Torrent: tor, Greet: greetWith(lengthen)}).Behave
}

// lengthen adds a zero byte to a message.
func lengthen(msg []byte) []byte {
	msg = append(msg, 0)
	binary.BigEndian.PutUint32(msg, uint32(len(msg)-wire.PrefixLen))
	return msg
}

// LateBitfield says that it has nothing, and a little later by a second
// bitfield that it has all, as aria2 does in place of many haves. Beyond that
// it is honest.
func LateBitfield(tor *Torrent) Behaviour {
	return late(tor, (*Session).bitfield)
}

// LateHaves is LateBitfield with a have for each piece.
func LateHaves(tor *Torrent) Behaviour {
	return late(tor, func(*Session) (msg []byte) {
		for i := range tor.Info.Pieces.Count() {
			msg = wire.AppendHave(msg, i)
		}
		return msg
	})
}

func late(tor *Torrent, all func(*Session) []byte) Behaviour {
	none := func([]byte) []byte { return wire.AppendBitfield(nil, nil, tor.Info.Pieces.Count()) }
	return (&Seeder{Torrent: tor, Greet: greetWith(none), Beside: func(ctx context.Context, s *Session) error {
		if err := sleep(ctx, 200*time.Millisecond); err != nil {
			return err
		}
		return s.Send(all(s))
	}}).Behave
}

// extenders send extended handshakes that no honest client sends.
func extenders() []Bad {
	ext := func(name, body string) Bad {
		return Bad{Name: "extended handshake: " + name, Make: func(tor *Torrent) Behaviour {
			return Then(tor, wire.AppendExtended(nil, 0, []byte(body)))
		}}
	}
	var keys strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&keys, "5:%05di1e", i)
	}
	const deep = 200_000
	return []Bad{
		ext("200 000 deep", "d1:a"+strings.Repeat("l", deep)+strings.Repeat("e", deep)+"e"),
		ext("50 000 keys", "d"+keys.String()+"e"),
		ext("50 000 extensions", "d1:md"+keys.String()+"ee"),
		ext("string length lies", "d1:md11:ut_metadata999999999:"),
		ext("wrong types", "d1:mi7e1:pd1:ai1ee4:reqqle1:vi1ee"),
		ext("numbers out of range", "d1:md11:ut_metadatai70000e5:p2pfsi-1ee13:metadata_sizei-1e1:pi99999e4:reqqi9223372036854775807ee"),
		ext("reqq 0", "d1:md11:ut_metadatai2ee4:reqqi0ee"),
		ext("trailing bytes", "d1:mdeeeeee"),
		ext("empty", ""),
	}
}
