package wire

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"p2pfs/swarm/bencode"
)

// extendedBody takes an extended message of that id apart, or ends the test.
func extendedBody(t testing.TB, msg []byte, id byte) []byte {
	t.Helper()
	if n := ParsePrefix(msg); n != int64(len(msg)-PrefixLen) || msg[4] != MsgExtended {
		t.Fatalf("message %x: prefix %d, id %d", msg, n, msg[4])
	}
	got, body, err := ParseExtended(msg[5:])
	if err != nil || got != id {
		t.Fatalf("message %x: extended id %d, %v, want %d", msg, got, err, id)
	}
	return body
}

// allFields is a handshake with every field set, and its body.
var allFields = ExtendedHandshake{
	M:            map[string]int{ExtMetadata: 2, ExtDontHave: 7, "p2pfs": 1},
	V:            "p2pfs 1.0",
	Reqq:         500,
	Port:         6881,
	MetadataSize: 31235,
	YourIP:       netip.MustParseAddr("127.0.0.2"),
	UploadOnly:   true,
	Extra:        map[string]bencode.RawMessage{"nonce": bencode.RawMessage("4:abcd")},
}

const allFieldsBody = "d1:md11:lt_donthavei7e5:p2pfsi1e11:ut_metadatai2ee" +
	"13:metadata_sizei31235e5:nonce4:abcd1:pi6881e4:reqqi500e" +
	"11:upload_onlyi1e1:v9:p2pfs 1.06:yourip4:\x7f\x00\x00\x02e"

func TestExtendedHandshakeIsItsBytes(t *testing.T) {
	body := extendedBody(t, AppendExtendedHandshake(nil, &allFields), 0)
	if string(body) != allFieldsBody {
		t.Fatalf("wrote %q, want %q", body, allFieldsBody)
	}
	got, err := ParseExtendedHandshake(body, "nonce", "absent")
	if err != nil || !reflect.DeepEqual(*got, allFields) {
		t.Errorf("read %+v, %v, want %+v", got, err, allFields)
	}
	if err := bencode.Check(body, bencode.Limits{}); err != nil {
		t.Errorf("what we write is not canonical: %v", err)
	}
}

func TestEmptyExtendedHandshake(t *testing.T) {
	body := extendedBody(t, AppendExtendedHandshake(nil, &ExtendedHandshake{}), 0)
	if string(body) != "d1:mdee" {
		t.Errorf("wrote %q, want d1:mdee", body)
	}
	for _, body := range []string{"de", "d1:mdee"} {
		got, err := ParseExtendedHandshake([]byte(body))
		if err != nil || len(got.M) != 0 || got.Reqq != DefaultReqq || got.Extra != nil {
			t.Errorf("%s: got %+v, %v", body, got, err)
		}
	}
}

// TestExtendedHandshakesOfBEPs reads what BEP 10, 9 and 21 give as examples.
// BEP 10's has keys out of order, and lengths that count runes for bytes are
// set right.
func TestExtendedHandshakesOfBEPs(t *testing.T) {
	tests := []struct {
		body string
		want ExtendedHandshake
	}{
		{"d1:md11:LT_metadatai1e7:µT_PEXi2ee1:pi6881e1:v13:\xc2\xb5Torrent 1.2e",
			ExtendedHandshake{M: map[string]int{"LT_metadata": 1, "µT_PEX": 2}, Port: 6881, V: "µTorrent 1.2", Reqq: 250}},
		{"d1:md11:ut_metadatai3ee13:metadata_sizei31235ee",
			ExtendedHandshake{M: map[string]int{"ut_metadata": 3}, MetadataSize: 31235, Reqq: 250}},
		{"d1:md11:ut_metadatai3ee11:upload_onlyi1ee",
			ExtendedHandshake{M: map[string]int{"ut_metadata": 3}, UploadOnly: true, Reqq: 250}},
		{"d11:upload_onlyi1e1:md11:ut_metadatai3eee",
			ExtendedHandshake{M: map[string]int{"ut_metadata": 3}, UploadOnly: true, Reqq: 250}},
	}
	for _, tt := range tests {
		got, err := ParseExtendedHandshake([]byte(tt.body))
		if err != nil || !reflect.DeepEqual(*got, tt.want) {
			t.Errorf("%q: got %+v, %v, want %+v", tt.body, got, err, tt.want)
		}
	}
}

func TestExtendedHandshakeClampsAndSkips(t *testing.T) {
	plain := func(f func(*ExtendedHandshake)) ExtendedHandshake {
		h := ExtendedHandshake{Reqq: DefaultReqq}
		f(&h)
		return h
	}
	none := plain(func(*ExtendedHandshake) {})
	reqq := func(n int) ExtendedHandshake { return plain(func(h *ExtendedHandshake) { h.Reqq = n }) }
	tests := []struct {
		body string
		want ExtendedHandshake
	}{
		{"d4:reqqi0ee", reqq(1)},
		{"d4:reqqi-5ee", reqq(1)},
		{"d4:reqqi2000ee", reqq(2000)},
		{"d4:reqqi2001ee", reqq(2000)},
		{"d4:reqqi9223372036854775807ee", reqq(2000)},
		{"d4:reqq3:500e", none},
		{"d4:reqqlee", none},
		{"d1:pi0ee", none},
		{"d1:pi65536ee", none},
		{"d1:pi-1ee", none},
		{"d1:p4:6881e", none},
		{"d1:pi65535ee", plain(func(h *ExtendedHandshake) { h.Port = 65535 })},
		{"d13:metadata_sizei-1ee", none},
		{"d13:metadata_sizei16777217ee", none},
		{"d13:metadata_sizei4294967296ee", none},
		{"d13:metadata_sizei16777216ee", plain(func(h *ExtendedHandshake) { h.MetadataSize = 16 << 20 })},
		{"d11:upload_onlyi0ee", none},
		{"d11:upload_only1:1e", none},
		{"d1:vi3ee", none},
		{"d1:vd1:ai1eee", none},
		{"d6:yourip3:abce", none},
		{"d6:youripi7ee", none},
		{"d6:yourip16:\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01e",
			plain(func(h *ExtendedHandshake) { h.YourIP = netip.IPv6Loopback() })},
		{"d1:md1:ai-1e1:bi256e1:ci255e1:di0e1:e1:x1:flee2:zzi1ee",
			plain(func(h *ExtendedHandshake) { h.M = map[string]int{"c": 255, "d": 0} })},
		{"d1:xl1:al1:bee2:yyd1:zi1eee", none},
	}
	for _, tt := range tests {
		got, err := ParseExtendedHandshake([]byte(tt.body))
		if err != nil || !reflect.DeepEqual(*got, tt.want) {
			t.Errorf("%q: got %+v, %v, want %+v", tt.body, got, err, tt.want)
		}
	}
}

func TestExtendedHandshakeCutsTheVersion(t *testing.T) {
	tests := []struct{ v, want string }{
		{strings.Repeat("v", 100), strings.Repeat("v", 100)},
		{strings.Repeat("v", 101), strings.Repeat("v", 100)},
		{strings.Repeat("v", 99) + "µ", strings.Repeat("v", 99)},
		{strings.Repeat("\xbf", 300), strings.Repeat("\xbf", 100)},
	}
	for _, tt := range tests {
		got, err := ParseExtendedHandshake(fmt.Appendf(nil, "d1:v%d:%se", len(tt.v), tt.v))
		if err != nil || got.V != tt.want {
			t.Errorf("v of %d bytes: got %q, %v, want %q", len(tt.v), got.V, err, tt.want)
		}
	}
}

func TestExtendedHandshakeRefuses(t *testing.T) {
	var keys, names strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&keys, "5:%05di1e", i)
	}
	for i := range 257 {
		fmt.Fprintf(&names, "5:%05di1e", i)
	}
	deep := strings.Repeat("l", 200_000) + strings.Repeat("e", 200_000)
	tests := []struct {
		name, body string
		want       error
	}{
		{"empty", "", ErrSyntax},
		{"list", "le", ErrSyntax},
		{"integer", "i1e", ErrSyntax},
		{"trailing", "dee", ErrSyntax},
		{"cut", "d1:m", ErrSyntax},
		{"length lies", "d99999999:me", ErrSyntax},
		{"length overflows", "d99999999999999999999:me", ErrSyntax},
		{"deep", "d1:a" + deep + "e", ErrSyntax},
		{"many keys", "d" + keys.String() + "e", ErrSyntax},
		{"many extensions", "d1:md" + names.String() + "ee", ErrRange},
		{"m a list", "d1:mlee", ErrSyntax},
		{"m an integer", "d1:mi1ee", ErrSyntax},
		{"a key twice", "d1:pi1e1:pi2ee", ErrSyntax},
	}
	for _, tt := range tests {
		got, err := ParseExtendedHandshake([]byte(tt.body))
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, %v, want %v", tt.name, got, err, tt.want)
		}
		var me *MessageError
		if !errors.As(err, &me) || me.ID != MsgExtended {
			t.Errorf("%s: got %v, want a MessageError", tt.name, err)
		}
	}
	for n := range len(allFieldsBody) {
		if got, err := ParseExtendedHandshake([]byte(allFieldsBody[:n])); !errors.Is(err, ErrSyntax) {
			t.Errorf("first %d bytes: got %v, %v, want %v", n, got, err, ErrSyntax)
		}
	}
}

func TestExtraIsACopy(t *testing.T) {
	body := []byte("d5:nonce4:abcde")
	h, err := ParseExtendedHandshake(body, "nonce")
	if err != nil {
		t.Fatal(err)
	}
	clear(body)
	if got := string(h.Extra["nonce"]); got != "4:abcd" {
		t.Errorf("Extra after the body was reused: got %q, want 4:abcd", got)
	}
}
