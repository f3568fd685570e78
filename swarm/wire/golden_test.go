package wire

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/bits-and-blooms/bitset"

	"p2pfs/swarm/hashing"
)

// golden pairs a message with its exact bytes. read parses the payload; what
// it returns must equal want.
type golden struct {
	name  string
	id    byte
	bytes string // hex: length prefix, id, payload
	wrote []byte
	read  func(p []byte) (any, error)
	want  any
	loose bool // the payload has no fixed length: others parse too
}

// as turns a Parse function into a golden's read.
func as[T any](parse func([]byte) (T, error)) func([]byte) (any, error) {
	return func(p []byte) (any, error) {
		v, err := parse(p)
		return v, err
	}
}

func empty(id byte) func([]byte) (any, error) {
	return func(p []byte) (any, error) { return nil, ParseEmpty(id, p) }
}

// hashesOf is what ParseHashes returns, in one value.
type hashesOf struct {
	R              hashing.HashRequest
	Hashes, Uncles []hashing.Hash256
}

func readHashes(p []byte) (any, error) {
	r, hashes, uncles, err := ParseHashes(p)
	return hashesOf{r, hashes, uncles}, err
}

func filled(b byte) (h [32]byte) {
	for i := range h {
		h[i] = b
	}
	return h
}

var (
	aBlock    = Block{Index: 0x01020304, Begin: 0x4000, Length: 0x4000}
	someHash  = "abababababababababababababababababababababababababababababababab"
	aHashReq  = hashing.HashRequest{Root: filled(0xab), BaseLayer: 2, Index: 512, Length: 4, ProofLayers: 3}
	aHashHex  = someHash + "00000002 00000200 00000004 00000003"
	hash1     = []hashing.Hash256{filled(1), filled(2), filled(3), filled(4)}
	hash2     = []hashing.Hash256{filled(5), filled(6)}
	hexOfHash = func(b byte) string { return fmt.Sprintf("%x", filled(b)) }
)

// simpleMessages are those of BEP 3, 5 and 6.
func simpleMessages() []golden {
	set := bitset.New(12).Set(0).Set(11)
	pieceHeader := func(p []byte) (any, error) { return ParsePieceHeader(p, 0x4000) }
	readBitfield := func(p []byte) (any, error) { return ParseBitfield(p, 12) }
	return []golden{
		{name: "choke", id: 0, bytes: "00000001 00", wrote: AppendChoke(nil), read: empty(0)},
		{name: "unchoke", id: 1, bytes: "00000001 01", wrote: AppendUnchoke(nil), read: empty(1)},
		{name: "interested", id: 2, bytes: "00000001 02", wrote: AppendInterested(nil), read: empty(2)},
		{name: "not interested", id: 3, bytes: "00000001 03", wrote: AppendNotInterested(nil), read: empty(3)},
		{name: "have", id: 4, bytes: "00000005 04 01020304", wrote: AppendHave(nil, 0x01020304), read: as(ParseHave), want: 0x01020304},
		{name: "bitfield", id: 5, bytes: "00000003 05 8010", wrote: AppendBitfield(nil, set, 12), read: readBitfield, want: set},
		{name: "request", id: 6, bytes: "0000000d 06 01020304 00004000 00004000", wrote: AppendRequest(nil, aBlock), read: as(ParseRequest), want: aBlock},
		{name: "piece", id: 7, bytes: "00004009 07 01020304 00004000", wrote: AppendPieceHeader(nil, 0x01020304, 0x4000, 0x4000), read: pieceHeader, want: aBlock},
		{name: "cancel", id: 8, bytes: "0000000d 08 01020304 00004000 00004000", wrote: AppendCancel(nil, aBlock), read: as(ParseCancel), want: aBlock},
		{name: "suggest piece", id: 13, bytes: "00000005 0d 01020304", wrote: AppendSuggest(nil, 0x01020304), read: as(ParseSuggest), want: 0x01020304},
		{name: "have all", id: 14, bytes: "00000001 0e", wrote: AppendHaveAll(nil), read: empty(14)},
		{name: "have none", id: 15, bytes: "00000001 0f", wrote: AppendHaveNone(nil), read: empty(15)},
		{name: "reject request", id: 16, bytes: "0000000d 10 01020304 00004000 00004000", wrote: AppendReject(nil, aBlock), read: as(ParseReject), want: aBlock},
		{name: "allowed fast", id: 17, bytes: "00000005 11 01020304", wrote: AppendAllowedFast(nil, 0x01020304), read: as(ParseAllowedFast), want: 0x01020304},
	}
}

// laterMessages are those of BEP 10 with what travels in it, and BEP 52.
func laterMessages() []golden {
	hashes := hashing.HashRequest{Root: filled(0xab), BaseLayer: 2, Index: 512, Length: 4, ProofLayers: 3}
	return []golden{
		{name: "extended", id: 20, bytes: "00000005 14 07 616263", wrote: AppendExtended(nil, 7, []byte("abc")), read: extended(7, func(b []byte) (any, error) { return string(b), nil }), want: "abc", loose: true},
		{name: "lt_donthave", id: 20, bytes: "00000006 14 07 01020304", wrote: AppendDontHave(nil, 7, 0x01020304), read: extended(7, as(ParseDontHave)), want: 0x01020304},
		{name: "upload_only", id: 20, bytes: "00000003 14 04 01", wrote: AppendUploadOnly(nil, 4, true), read: extended(4, as(ParseUploadOnly)), want: true},
		{name: "upload_only off", id: 20, bytes: "00000003 14 04 00", wrote: AppendUploadOnly(nil, 4, false), read: extended(4, as(ParseUploadOnly)), want: false},
		{name: "hash request", id: 21, bytes: "00000031 15" + aHashHex, wrote: AppendHashRequest(nil, aHashReq), read: as(ParseHashRequest), want: aHashReq},
		{name: "hashes", id: 22, bytes: "000000f1 16" + aHashHex + hexOfHash(1) + hexOfHash(2) + hexOfHash(3) + hexOfHash(4) + hexOfHash(5) + hexOfHash(6),
			wrote: AppendHashes(nil, hashes, hash1, hash2), read: readHashes, want: hashesOf{hashes, hash1, hash2}},
		{name: "hash reject", id: 23, bytes: "00000031 17" + aHashHex, wrote: AppendHashReject(nil, aHashReq), read: as(ParseHashReject), want: aHashReq},
	}
}

// extended reads the body of an extended message with that id.
func extended(want byte, read func([]byte) (any, error)) func([]byte) (any, error) {
	return func(p []byte) (any, error) {
		id, body, err := ParseExtended(p)
		if err == nil && id != want {
			err = fmt.Errorf("extended id %d, want %d", id, want)
		}
		if err != nil {
			return nil, err
		}
		return read(body)
	}
}

func goldens() []golden { return append(simpleMessages(), laterMessages()...) }

func TestMessagesAreTheirBytes(t *testing.T) {
	for _, g := range goldens() {
		t.Run(g.name, func(t *testing.T) {
			want := unhex(t, g.bytes)
			if !bytes.Equal(g.wrote, want) {
				t.Fatalf("wrote %x, want %x", g.wrote, want)
			}
			if n := ParsePrefix(want); g.id != MsgPiece && n != int64(len(want)-PrefixLen) {
				t.Errorf("prefix %d, want %d", n, len(want)-PrefixLen)
			}
			if want[PrefixLen] != g.id {
				t.Errorf("id %d, want %d", want[PrefixLen], g.id)
			}
			got, err := g.read(want[PrefixLen+1:])
			if err != nil || !reflect.DeepEqual(got, g.want) {
				t.Errorf("read %v, %v, want %v", got, err, g.want)
			}
		})
	}
}

func TestEveryOtherLengthIsRefused(t *testing.T) {
	for _, g := range goldens() {
		if g.loose {
			continue
		}
		t.Run(g.name, func(t *testing.T) {
			p := unhex(t, g.bytes)[PrefixLen+1:]
			for n := range len(p) {
				if got, err := g.read(p[:n:n]); !errors.Is(err, ErrLength) {
					t.Errorf("first %d of %d bytes: got %v, %v, want %v", n, len(p), got, err, ErrLength)
				}
			}
			if got, err := g.read(append(bytes.Clone(p), 0)); !errors.Is(err, ErrLength) {
				t.Errorf("a byte too many: got %v, %v, want %v", got, err, ErrLength)
			}
		})
	}
}

func TestRefusalsNameTheMessage(t *testing.T) {
	for _, g := range goldens() {
		if g.loose {
			continue
		}
		p := unhex(t, g.bytes)[PrefixLen+1:]
		_, err := g.read(append(bytes.Clone(p), 0))
		var me *MessageError
		if !errors.As(err, &me) || me.ID != g.id {
			t.Errorf("%s: got %v, want a MessageError of id %d", g.name, err, g.id)
		}
	}
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	b := AppendHave(AppendChoke(AppendKeepAlive([]byte("x"))), 7)
	if want := unhex(t, "78 00000000 0000000100 000000050400000007"); !bytes.Equal(b, want) {
		t.Errorf("got %x, want %x", b, want)
	}
	if n := ParsePrefix(AppendKeepAlive(nil)); n != 0 {
		t.Errorf("keep-alive: prefix %d, want 0", n)
	}
}
