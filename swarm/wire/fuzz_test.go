package wire

import (
	"bytes"
	"reflect"
	"slices"
	"testing"

	"p2pfs/swarm/hashing"
)

// FuzzMessage reads a message of any id as its parser does: no panic, and
// what was read, written again, is the same bytes.
func FuzzMessage(f *testing.F) {
	for _, g := range goldens() {
		f.Add(unhex(f, g.bytes)[PrefixLen:], 12)
	}
	f.Fuzz(func(t *testing.T, msg []byte, pieces int) {
		if len(msg) == 0 || pieces < 0 || pieces > hashing.MaxPieces {
			return
		}
		id, p := msg[0], msg[1:]
		if CheckLength(id, int64(len(p)), Limits{Pieces: pieces}) != nil {
			return
		}
		back, ok := rewrite(id, p, pieces)
		if ok && !bytes.Equal(back[PrefixLen:], msg) {
			t.Errorf("%s %x: written again %x", Name(id), msg, back[PrefixLen:])
		}
	})
}

// rewrite reads a payload and writes the message again; false if it was
// refused or its form is read loosely.
func rewrite(id byte, p []byte, pieces int) (msg []byte, ok bool) {
	index := map[byte]func([]byte) (int, error){MsgHave: ParseHave, MsgSuggest: ParseSuggest, MsgAllowedFast: ParseAllowedFast}
	block := map[byte]func([]byte) (Block, error){MsgRequest: ParseRequest, MsgCancel: ParseCancel, MsgReject: ParseReject}
	var err error
	switch {
	case MaxPayload(id, Limits{}) == 0:
		err = ParseEmpty(id, p)
		msg = AppendHeader(nil, id, 0)
	case index[id] != nil:
		var n int
		n, err = index[id](p)
		msg = appendIndex(nil, id, n)
	case block[id] != nil:
		var b Block
		b, err = block[id](p)
		msg = appendBlock(nil, id, b)
	case id == MsgPiece && len(p) >= PieceHeaderLen:
		var b Block
		b, err = ParsePieceHeader(p[:PieceHeaderLen], len(p)-PieceHeaderLen)
		msg = append(AppendPieceHeader(nil, b.Index, b.Begin, b.Length), p[PieceHeaderLen:]...)
	default:
		return rewriteLong(id, p, pieces)
	}
	return msg, err == nil
}

func rewriteLong(id byte, p []byte, pieces int) (msg []byte, ok bool) {
	switch id {
	case MsgBitfield:
		set, err := ParseBitfield(p, pieces)
		return AppendBitfield(nil, set, pieces), err == nil
	case MsgHashRequest:
		r, err := ParseHashRequest(p)
		return AppendHashRequest(nil, r), err == nil
	case MsgHashReject:
		r, err := ParseHashReject(p)
		return AppendHashReject(nil, r), err == nil
	case MsgExtended:
		ext, body, err := ParseExtended(p)
		_, _ = ParseDontHave(body)
		_, _ = ParseUploadOnly(body)
		return AppendExtended(nil, ext, body), err == nil
	}
	return nil, false
}

// FuzzExtendedHandshake reads any body: no panic, all numbers within their
// bounds, and what was read survives writing and reading again.
func FuzzExtendedHandshake(f *testing.F) {
	f.Add([]byte(allFieldsBody))
	f.Fuzz(func(t *testing.T, body []byte) {
		h, err := ParseExtendedHandshake(body, "nonce")
		if err != nil {
			return
		}
		if h.Reqq < 1 || h.Reqq > MaxReqq || h.Port < 0 || h.Port > 65535 ||
			h.MetadataSize < 0 || h.MetadataSize > MaxMetadata || len(h.V) > maxVersion || len(h.M) > maxM {
			t.Fatalf("%q: out of bounds: %+v", body, h)
		}
		for name, id := range h.M {
			if id < 0 || id > 255 {
				t.Fatalf("%q: extension %q has id %d", body, name, id)
			}
		}
		if h.M == nil {
			h.M = map[string]int{}
		}
		h.YourIP = h.YourIP.Unmap()
		again, err := ParseExtendedHandshake(extendedBody(t, AppendExtendedHandshake(nil, h), 0), "nonce")
		if err != nil || !reflect.DeepEqual(h, again) {
			t.Fatalf("%q: read %+v, written and read again %+v, %v", body, h, again, err)
		}
	})
}

// FuzzMetadata reads any ut_metadata body: no panic, all within bounds, and
// what was read survives writing and reading again.
func FuzzMetadata(f *testing.F) {
	f.Add([]byte("d8:msg_typei1e5:piecei0e10:total_sizei3eeabc"))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := ParseMetadata(body)
		if err != nil || m.Type < MetadataRequest || m.Type > MetadataReject {
			return
		}
		if m.Piece < 0 || m.Piece >= MaxMetadata/MetadataPiece || len(m.Data) > MetadataPiece ||
			m.TotalSize < 0 || m.TotalSize > MaxMetadata || (m.Type != MetadataData && m.Data != nil) {
			t.Fatalf("%q: out of bounds: %+v", body, m)
		}
		if m.Type == MetadataData && m.TotalSize == 0 {
			return // read loosely
		}
		again, err := ParseMetadata(extendedBody(t, AppendMetadata(nil, 1, m), 1))
		if err != nil || !reflect.DeepEqual(m, again) {
			t.Fatalf("%q: read %+v, written and read again %+v, %v", body, m, again, err)
		}
	})
}

// FuzzHashes reads any hashes message: no panic, as many hashes as it tells,
// and the same bytes when written again.
func FuzzHashes(f *testing.F) {
	f.Add(AppendHashes(nil, aHashReq, hash1, hash2)[5:])
	f.Fuzz(func(t *testing.T, p []byte) {
		if CheckLength(MsgHashes, int64(len(p)), Limits{}) != nil {
			return
		}
		r, hashes, uncles, err := ParseHashes(p)
		if err != nil {
			return
		}
		if !valid(r) || len(hashes) != r.Length || len(uncles) != r.Uncles() {
			t.Fatalf("%x: %+v with %d and %d hashes", p, r, len(hashes), len(uncles))
		}
		if back := AppendHashes(nil, r, hashes, uncles)[5:]; !slices.Equal(back, p) {
			t.Fatalf("%x: written again %x", p, back)
		}
	})
}
