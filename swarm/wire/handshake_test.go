package wire

import (
	"bytes"
	"errors"
	"testing"
)

// handshakeHex is a handshake of all three extensions.
const handshakeHex = "13 426974546f7272656e742070726f746f636f6c 0000000000100014" +
	"000102030405060708090a0b0c0d0e0f10111213 2d5046303030312d616263646566676869 6a6b6c"

func goldenHandshake() Handshake {
	h := Handshake{PeerID: [20]byte([]byte("-PF0001-abcdefghijkl"))}
	for i := range h.InfoHash {
		h.InfoHash[i] = byte(i)
	}
	h.SetExtended()
	h.SetFast()
	h.SetV2()
	return h
}

func TestHandshakeIsItsBytes(t *testing.T) {
	h, want := goldenHandshake(), unhex(t, handshakeHex)
	got := AppendHandshake(nil, h)
	if !bytes.Equal(got, want) || len(got) != HandshakeLen {
		t.Fatalf("wrote %x, want %x", got, want)
	}
	back, err := ParseHandshake(want)
	if err != nil || back != h {
		t.Errorf("read %v, %v, want %v", back, err, h)
	}
}

func TestReservedBits(t *testing.T) {
	tests := []struct {
		set                func(*Handshake)
		reserved           [8]byte
		extended, fast, v2 bool
	}{
		{func(*Handshake) {}, [8]byte{}, false, false, false},
		{(*Handshake).SetExtended, [8]byte{5: 0x10}, true, false, false},
		{(*Handshake).SetFast, [8]byte{7: 0x04}, false, true, false},
		{(*Handshake).SetV2, [8]byte{7: 0x10}, false, false, true},
	}
	for _, tt := range tests {
		var h Handshake
		tt.set(&h)
		if h.Reserved != tt.reserved || h.Extended() != tt.extended || h.Fast() != tt.fast || h.V2() != tt.v2 {
			t.Errorf("got %x %v %v %v, want %x %v %v %v", h.Reserved, h.Extended(), h.Fast(), h.V2(),
				tt.reserved, tt.extended, tt.fast, tt.v2)
		}
	}
	if h := goldenHandshake(); h.Reserved[7]&0x01 != 0 {
		t.Error("the DHT's bit is set")
	}
}

func TestParseHandshakeRefuses(t *testing.T) {
	good := unhex(t, handshakeHex)
	for n := range len(good) {
		if _, err := ParseHandshake(good[:n]); !errors.Is(err, ErrLength) {
			t.Errorf("first %d bytes: got %v, want %v", n, err, ErrLength)
		}
		if !IsHandshake(good[:n]) {
			t.Errorf("IsHandshake of the first %d bytes: got false", n)
		}
	}
	if _, err := ParseHandshake(append(bytes.Clone(good), 0)); !errors.Is(err, ErrLength) {
		t.Errorf("a byte too many: got %v, want %v", err, ErrLength)
	}
	for i := range len(protocol) {
		other := bytes.Clone(good)
		other[i] ^= 0x20
		if _, err := ParseHandshake(other); !errors.Is(err, ErrNotBitTorrent) || IsHandshake(other) {
			t.Errorf("byte %d changed: got %v, %v, want %v, false", i, err, IsHandshake(other), ErrNotBitTorrent)
		}
	}
}
