package priority

import (
	"hash/crc32"
	"net/netip"
	"testing"
)

func at(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// TestOf has the examples of BEP 40 and the bytes that each rule of it makes.
func TestOf(t *testing.T) {
	sum := func(s string) uint32 { return crc32.Checksum([]byte(s), castagnoli) }
	for _, tt := range []struct {
		a, b string
		want uint32
	}{
		{"123.213.32.10:1", "98.76.54.32:2", 0xec2d7224},
		{"123.213.32.10:1", "123.213.32.234:2", 0x99568189},
		{"123.213.32.10:1", "123.213.200.234:2", sum("\x7b\xd5\x20\x00\x7b\xd5\xc8\x40")},
		{"10.1.2.3:6881", "10.1.2.3:6882", sum("\x1a\xe1\x1a\xe2")},
		{"10.1.2.3:6882", "[::ffff:10.1.2.3]:6881", sum("\x1a\xe1\x1a\xe2")},
		{"[2001:db8::1]:1", "[2001:db8::1]:258", sum("\x00\x01\x01\x02")},
		{"[2001:db8:1::ff]:1", "[2001:db8:2:ffff::1]:1", sum("\x20\x01\x0d\xb8\x00\x01" + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x55" + "\x20\x01\x0d\xb8\x00\x02\x55\x55\x00\x00\x00\x00\x00\x00\x00\x01")},
		{"[2001:db8:1:100::ff]:1", "[2001:db8:1:2ff::1]:1", sum("\x20\x01\x0d\xb8\x00\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x55" + "\x20\x01\x0d\xb8\x00\x01\x02\x55\x00\x00\x00\x00\x00\x00\x00\x01")},
		{"[2001:db8:1:2ff::1]:1", "[2001:db8:1:201::ff]:1", sum("\x20\x01\x0d\xb8\x00\x01\x02\x01\x00\x00\x00\x00\x00\x00\x00\x55" + "\x20\x01\x0d\xb8\x00\x01\x02\xff\x00\x00\x00\x00\x00\x00\x00\x01")},
		{"1.2.3.4:1", "[2001:db8::1]:1", 0},
	} {
		if got := Of(at(tt.a), at(tt.b)); got != tt.want {
			t.Errorf("%s and %s: got %08x, want %08x", tt.a, tt.b, got, tt.want)
		}
		if got := Of(at(tt.b), at(tt.a)); got != tt.want {
			t.Errorf("%s and %s: got %08x, want %08x, as the other way round", tt.b, tt.a, got, tt.want)
		}
	}
}

// TestSpread shows what it is for: that no network is dialled first.
func TestSpread(t *testing.T) {
	self := at("98.76.54.32:6881")
	var low, high int
	for i := range 256 {
		if Of(self, netip.AddrPortFrom(netip.AddrFrom4([4]byte{20, byte(i), 1, 1}), 1)) < 1<<31 {
			low++
		} else {
			high++
		}
	}
	if low < 80 || high < 80 {
		t.Errorf("of 256 networks %d are low and %d high", low, high)
	}
	// A whole /24 of one owner is 16 numbers, not 256.
	some := map[uint32]bool{}
	for i := range 256 {
		some[Of(self, netip.AddrPortFrom(netip.AddrFrom4([4]byte{20, 1, 1, byte(i)}), 1))] = true
	}
	if len(some) != 16 {
		t.Errorf("got %d priorities in one /24, want 16", len(some))
	}
}
