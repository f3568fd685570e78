package server

import (
	"bytes"
	"net/netip"
	"testing"
)

// cmsg builds a control message.
func cmsg(level, kind uint32, data ...byte) []byte {
	b := appendWord(nil, cmsgLen+len(data))
	b = append(b, byte(level), byte(level>>8), 0, 0, byte(kind), byte(kind>>8), 0, 0)
	b = append(b, data...)
	for len(b)%word != 0 {
		b = append(b, 0)
	}
	return b
}

func TestArrival(t *testing.T) {
	four := cmsg(0, 8, 1, 0, 0, 0, 10, 77, 0, 2, 255, 255, 255, 255)
	six := cmsg(41, 50, append(netip.MustParseAddr("fd77::2").AsSlice(), 1, 0, 0, 0)...)
	mapped := cmsg(41, 50, append(netip.MustParseAddr("::ffff:10.77.0.2").AsSlice(), 1, 0, 0, 0)...)
	local := cmsg(41, 50, append(netip.MustParseAddr("fe80::2").AsSlice(), 3, 0, 0, 0)...)
	other := cmsg(1, 29, make([]byte, 16)...)
	for _, c := range []struct {
		name string
		oob  []byte
		want string
		link int
	}{
		{"IPv4", four, "10.77.0.2", 0},
		{"IPv6", six, "fd77::2", 0},
		{"mapped", mapped, "10.77.0.2", 0},
		{"link-local", local, "fe80::2", 3},
		{"behind another", append(bytes.Clone(other), four...), "10.77.0.2", 0},
		{"none", other, "invalid IP", 0},
		{"nothing", nil, "invalid IP", 0},
		{"too short", four[:len(four)-8], "invalid IP", 0},
		{"length 0", make([]byte, 64), "invalid IP", 0},
		{"length beyond the end", append(appendWord(nil, 1<<20), four[word:]...), "invalid IP", 0},
	} {
		if got, link := arrival(c.oob); got.String() != c.want || link != c.link {
			t.Errorf("%s: got %v on link %d, want %s on %d", c.name, got, link, c.want, c.link)
		}
	}
	for n := range four {
		arrival(four[:n])
	}
}

// TestDeparture: an answer leaves with what its question came with.
func TestDeparture(t *testing.T) {
	for _, c := range []struct {
		v6       bool
		to, want string
	}{
		{false, "10.77.0.2", "10.77.0.2"}, {true, "fd77::2", "fd77::2"}, {true, "10.77.0.2", "10.77.0.2"},
	} {
		oob := infoConn{v6: c.v6}.departure(nil, route{to: netip.MustParseAddr(c.to)})
		if got, _ := arrival(oob); got.String() != c.want && c.v6 {
			t.Errorf("%+v: reads as %v", c, got)
		}
		if !c.v6 && !bytes.Equal(oob, cmsg(0, 8, 0, 0, 0, 0, 10, 77, 0, 2, 0, 0, 0, 0)) {
			t.Errorf("%+v: %x", c, oob)
		}
	}
	if oob := (infoConn{}).departure(nil, route{}); oob != nil {
		t.Errorf("unknown arrival: %x", oob)
	}
}
