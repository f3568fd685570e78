package server

import (
	"net/netip"
	"testing"
)

func testIDs() ids {
	var s ids
	for i := range s.secret {
		s.secret[i] = byte(i)
	}
	return s
}

// TestIDGolden holds ids against HMAC-SHA-256 as another program computes it.
func TestIDGolden(t *testing.T) {
	for _, c := range []struct {
		addr string
		now  uint32
		want uint64
	}{
		{"127.0.0.2", 0, 0x000000000494f918},
		{"::ffff:127.0.0.2", 59, 0x000000000494f918},
		{"127.0.0.2", 300, 0x000000056e8a8263},
		{"2001:db8::1", 119, 0x000000012c6ad776},
	} {
		if got := testIDs().signer().issue(netip.MustParseAddr(c.addr), c.now); got != c.want {
			t.Errorf("%s at %d: got %#x, want %#x", c.addr, c.now, got, c.want)
		}
	}
}

// TestIDLife: an id is good for a minute at least and two at most, for its
// address and its server only.
func TestIDLife(t *testing.T) {
	s, other := testIDs().signer(), newIDs().signer()
	a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	for issued := uint32(0); issued < 300; issued += 7 {
		id := s.issue(a, issued)
		for now := issued; now < issued+200; now++ {
			good := s.good(id, a, now)
			if age := now - issued; age <= 60 && !good || age >= 120 && good {
				t.Fatalf("issued at %d, at %d: good is %v", issued, now, good)
			}
			if s.good(id, b, now) || other.good(id, a, now) {
				t.Fatalf("issued at %d: good for another", issued)
			}
		}
	}
}

// TestIDForged changes each bit of an id, and asks for slots to come.
func TestIDForged(t *testing.T) {
	s, a := testIDs().signer(), netip.MustParseAddr("10.0.0.1")
	id := s.issue(a, 1000)
	for bit := range 64 {
		if s.good(id^1<<bit, a, 1000) {
			t.Errorf("good with bit %d changed", bit)
		}
	}
	for _, forged := range []uint64{0, 1<<64 - 1, 0x41727101980, id &^ 0xffffffff, id & 0xffffffff} {
		if s.good(forged, a, 1000) {
			t.Errorf("%#x is good", forged)
		}
	}
	if s.good(s.issue(a, 1060), a, 1000) {
		t.Error("good before its slot")
	}
}

func TestIDsDiffer(t *testing.T) {
	if a, b := newIDs(), newIDs(); a == b {
		t.Error("two starts have one secret")
	}
}
