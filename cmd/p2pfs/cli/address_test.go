package cli

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

func TestParseListen(t *testing.T) {
	tests := []struct {
		in, out string // out "": an error
		all     bool
	}{
		{"127.0.0.2:6881", "127.0.0.2:6881", false},
		{"127.0.0.2:0", "127.0.0.2:0", false},
		{"127.0.0.2", "127.0.0.2", false},
		{"localhost:6969", "127.0.0.1:6969", false},
		{"localhost", "127.0.0.1", false},
		{":6881", ":6881", true},
		{"0.0.0.0:80", "0.0.0.0:80", true},
		{"[::]:80", "[::]:80", true},
		{"[::1]:6881", "[::1]:6881", false},
		{"::1", "::1", false},
		{"[::1]", "::1", false},
		{"[fe80::1%lo]:1", "[fe80::1%lo]:1", false},
		{"", "", false},
		{":", "", false},
		{"6881", "", false},
		{"127.0.0.1:65536", "", false},
		{"127.0.0.1:-1", "", false},
		{"127.0.0.1:http", "", false},
		{"127.0.0.1:", "", false},
		{"127.1:80", "", false},
		{"[127.0.0.1]:80:", "", false},
		{"[127.0.0.1]", "", false},
		{"[::1", "", false},
		{"example.org:80", "", false},
		{"udp://127.0.0.1:80", "", false},
	}
	for _, tt := range tests {
		got, err := parseListen(tt.in)
		switch {
		case tt.out == "" && err == nil:
			t.Errorf("%q: got %v, want an error", tt.in, got)
		case tt.out != "" && (err != nil || got.String() != tt.out || got.All() != tt.all):
			t.Errorf("%q: got %v (all %t), %v; want %s (all %t)", tt.in, got, got.All(), err, tt.out, tt.all)
		}
	}
	if s := (ListenAddr{Port: AnyPort}).String(); s != "" {
		t.Errorf("nothing set: got %q, want the empty string", s)
	}
	if got := (ListenAddr{Port: AnyPort}).WithPort(6969).String(); got != ":6969" {
		t.Errorf("withPort: got %q, want :6969", got)
	}
	if got := (ListenAddr{Port: 1}).WithPort(6969).String(); got != ":1" {
		t.Errorf("withPort: got %q, want :1", got)
	}
}

func TestParsePeer(t *testing.T) {
	for _, in := range []string{"127.0.0.1:6881", "[::1]:1", "example.org:65535", "host:80"} {
		if got, err := ParsePeer(in); err != nil || got != in {
			t.Errorf("%q: got %q, %v; want it back", in, got, err)
		}
	}
	for _, in := range []string{"", "host", ":80", "host:0", "host:65536", "host:x", "a b:1", "a/b:1", "u@h:1", "h\x00:1", strings.Repeat("a", 300) + ":1"} {
		if got, err := ParsePeer(in); err == nil {
			t.Errorf("%.40q: got %.40q, want an error", in, got)
		}
	}
}

func TestResolvePeers(t *testing.T) {
	got, err := ResolvePeers(t.Context(), []string{"127.0.0.3:6881", "[::1]:7", "[::ffff:127.0.0.4]:8"})
	want := []netip.AddrPort{netip.MustParseAddrPort("127.0.0.3:6881"), netip.MustParseAddrPort("[::1]:7"), netip.MustParseAddrPort("127.0.0.4:8")}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}
