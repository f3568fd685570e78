package lsd

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// hash makes an infohash of one byte.
func hash(b byte) (h [20]byte) {
	for i := range h {
		h[i] = b
	}
	return h
}

// hexOf is how hash(b) stands in an announce.
func hexOf(b byte) string { return strings.Repeat(fmt.Sprintf("%02x", b), 20) }

// goldens are announces and their bytes.
func goldens() []golden {
	return []golden{
		{"libtorrent's", false, message{port: 7001, infoHashes: [][20]byte{hash(0xab)}, cookie: "53b43fab"},
			"BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 7001\r\nInfohash: abababababababababababababababababababab\r\ncookie: 53b43fab\r\n\r\n\r\n"},
		{"IPv6, several", true, message{port: 65535, infoHashes: [][20]byte{hash(0), hash(0xff)}, cookie: "x"},
			"BT-SEARCH * HTTP/1.1\r\nHost: [ff15::efc0:988f]:6771\r\nPort: 65535\r\nInfohash: " + hexOf(0) + "\r\nInfohash: " + hexOf(255) + "\r\ncookie: x\r\n\r\n\r\n"},
		{"no cookie", false, message{port: 1, infoHashes: [][20]byte{hash(1)}},
			"BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 1\r\nInfohash: " + hexOf(1) + "\r\n\r\n\r\n"},
	}
}

type golden struct {
	name  string
	six   bool
	msg   message
	bytes string
}

func TestGolden(t *testing.T) {
	for _, g := range goldens() {
		group := group4
		if g.six {
			group = group6
		}
		if got := string(appendMessage(nil, group, g.msg)); got != g.bytes {
			t.Errorf("%s: got %q, want %q", g.name, got, g.bytes)
		}
		if got, err := parse([]byte(g.bytes)); err != nil || !reflect.DeepEqual(got, g.msg) {
			t.Errorf("%s: read %+v, %v, want %+v", g.name, got, err, g.msg)
		}
		// The last empty line is one more than HTTP has; some leave it out.
		for n := range len(g.bytes) - len("\r\n") {
			if m, err := parse([]byte(g.bytes[:n])); err == nil {
				t.Errorf("%s cut to %d bytes: got %+v, want an error", g.name, n, m)
			}
		}
	}
}

// TestLongest is an announce with all the infohashes that one may have.
func TestLongest(t *testing.T) {
	m := message{port: 65535, cookie: strings.Repeat("c", 16)}
	for i := range maxInfoHashes {
		m.infoHashes = append(m.infoHashes, hash(byte(i)))
	}
	p := appendMessage(nil, group6, m)
	if len(p) > maxPacket {
		t.Errorf("%d bytes, more than %d", len(p), maxPacket)
	}
	if got, err := parse(p); err != nil || !reflect.DeepEqual(got, m) {
		t.Errorf("read %+v, %v", got, err)
	}
}

// lines is an announce of hash(1) on port 80 with these lines before its end.
func lines(lines ...string) string {
	return firstLine + "\r\n" + strings.Join(append(lines, "", ""), "\r\n")
}

// loose are announces that are read although others write them differently.
func loose() map[string]string {
	port, ih := "Port: 80", "Infohash: "+hexOf(1)
	return map[string]string{
		"no host":        lines(port, ih),
		"another order":  lines(ih, port),
		"another case":   lines("PORT: 80", "InfoHash: "+strings.ToUpper(hexOf(1))),
		"no space":       lines("Port:80", "infohash:"+hexOf(1)),
		"more space":     lines("Port: \t80 ", ih+"\t"),
		"other headers":  lines("X-Y: z:z", port, ih, "X: ", "Host: other:1"),
		"HTTP's end":     lines(port, ih),
		"a longer end":   lines(port, ih) + "\r\n\r\n\r\n",
		"leading zeros":  lines("Port: 00080", ih),
		"names of UTF-8": lines(port, "ü: ß", ih),
	}
}

func TestLoose(t *testing.T) {
	want := message{port: 80, infoHashes: [][20]byte{hash(1)}}
	for name, body := range loose() {
		if got, err := parse([]byte(body)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, want)
		}
	}
}

// refused are datagrams that are dropped.
func refused() map[string]struct {
	body string
	want error
} {
	port, ih := "Port: 80", "Infohash: "+hexOf(1)
	many := []string{port}
	for range maxInfoHashes + 1 {
		many = append(many, ih)
	}
	return map[string]struct {
		body string
		want error
	}{
		"nothing":           {"", errNotOurs},
		"a search of SSDP":  {"M-SEARCH * HTTP/1.1\r\nPort: 80\r\n" + ih + "\r\n\r\n", errNotOurs},
		"another version":   {"BT-SEARCH * HTTP/1.0\r\nPort: 80\r\n" + ih + "\r\n\r\n", errNotOurs},
		"bare line feeds":   {firstLine + "\nPort: 80\n" + ih + "\n\n", errNotOurs},
		"line feeds inside": {firstLine + "\r\nPort: 80\n" + ih + "\n\r\n\r\n", errHeader},
		"no end":            {firstLine + "\r\n" + port + "\r\n" + ih + "\r\n", errEnd},
		"bytes behind":      {lines(port, ih) + "x", errEnd},
		"another behind":    {lines(port, ih) + lines(port, ih), errEnd},
		"too long":          {lines(port, ih, "X: "+strings.Repeat("x", maxPacket)), errTooLong},
		"no port":           {lines(ih), errPort},
		"port 0":            {lines("Port: 0", ih), errPort},
		"port 65536":        {lines("Port: 65536", ih), errPort},
		"port -1":           {lines("Port: -1", ih), errPort},
		"port +1":           {lines("Port: +1", ih), errPort},
		"port 0x50":         {lines("Port: 0x50", ih), errPort},
		"port of letters":   {lines("Port: http", ih), errPort},
		"empty port":        {lines("Port:", ih), errPort},
		"two ports":         {lines(port, "port: 81", ih), errPort},
		"long port":         {lines("Port: "+strings.Repeat("9", 100), ih), errPort},
		"no infohash":       {lines(port), errInfoHash},
		"empty infohash":    {lines(port, "Infohash:"), errInfoHash},
		"short infohash":    {lines(port, ih[:len(ih)-1]), errInfoHash},
		"odd infohash":      {lines(port, ih+"1"), errInfoHash},
		"long infohash":     {lines(port, ih+"11"), errInfoHash},
		"no hex":            {lines(port, "Infohash: "+strings.Repeat("z", 40)), errInfoHash},
		"one bad of two":    {lines(port, ih, "Infohash: x"), errInfoHash},
		"too many":          {lines(many...), errInfoHash},
		"two cookies":       {lines(port, ih, "cookie: a", "Cookie: b"), errHeader},
		"long cookie":       {lines(port, ih, "cookie: "+strings.Repeat("a", maxCookie+1)), errHeader},
		"no colon":          {lines(port, ih, "what"), errHeader},
		"no name":           {lines(port, ih, ": x"), errHeader},
		"space in a name":   {lines(port, ih, "X Y: z"), errHeader},
		"folded":            {lines(port, ih, " x: y"), errHeader},
		"NUL":               {lines(port, ih, "X: a\x00b"), errHeader},
		"escape":            {lines(port, ih, "X: \x1b[2J"), errHeader},
	}
}

func TestRefused(t *testing.T) {
	for name, tt := range refused() {
		if got, err := parse([]byte(tt.body)); !errors.Is(err, tt.want) || !reflect.DeepEqual(got, message{}) {
			t.Errorf("%s: got %+v, %v, want %v", name, got, err, tt.want)
		}
	}
}

// FuzzParse reads any datagram: no panic, all within bounds, and what was read
// survives writing and reading again.
func FuzzParse(f *testing.F) {
	for _, g := range goldens() {
		f.Add([]byte(g.bytes))
	}
	for _, body := range loose() {
		f.Add([]byte(body))
	}
	for _, r := range refused() {
		f.Add([]byte(r.body))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		m, err := parse(p)
		if err != nil {
			return
		}
		if m.port == 0 || len(m.infoHashes) == 0 || len(m.infoHashes) > maxInfoHashes || len(m.cookie) > maxCookie {
			t.Fatalf("%q: out of bounds: %+v", p, m)
		}
		again, err := parse(appendMessage(nil, group4, m))
		if err != nil || !reflect.DeepEqual(m, again) {
			t.Fatalf("%q: read %+v, written and read again %+v, %v", p, m, again, err)
		}
	})
}
