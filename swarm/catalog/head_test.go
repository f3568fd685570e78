package catalog

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"p2pfs/swarm/bencode"
)

// The test vector of BEP 44 with a salt; only a key in expanded form is given,
// so that only the signed buffer and its check can be compared.
func TestSignatureIsBEP44s(t *testing.T) {
	key, _ := ParseKey("77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548")
	sig, _ := hex.DecodeString("6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17d" +
		"df9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08")
	if !key.Verify([]byte("4:salt6:foobar3:seqi1e1:v12:Hello World!"), sig) {
		t.Error("the vector of BEP 44 does not verify")
	}
	h := Head{Seq: 4, Salt: Salt([]byte("abcdefghijklmnopqrst")), Value: []byte("12:Hello world!")}
	want := "4:salt20:abcdefghijklmnopqrst3:seqi4e1:v12:Hello world!"
	if got := string(h.signed()); got != want {
		t.Errorf("signed buffer: got %q, want %q", got, want)
	}
}

func TestHeadGolden(t *testing.T) {
	h, err := SignHead(seeded(1), salt, 1234, testSummary())
	if err != nil {
		t.Fatal(err)
	}
	key := seeded(1).Key()
	want := "d1:k32:" + string(key[:]) + "4:salt20:" + string(salt[:]) + "3:seqi1234e3:sig64:" + string(h.Sig[:]) +
		"1:vd1:bi1099511627776e1:fi3e1:n5:änna1:o32:" + string(h.Root[:]) + "1:ti1767323045e1:xi1769915045eee"
	data := h.Append(nil)
	if string(data) != want {
		t.Errorf("got  %q\nwant %q", data, want)
	}
	back, err := ParseHead(data)
	if err != nil {
		t.Fatal(err)
	}
	if back.Summary != h.Summary || back.Key != h.Key || back.Seq != h.Seq || !bytes.Equal(back.Append(nil), data) {
		t.Errorf("got %+v, want %+v", back, h)
	}
	if err := back.Admit(salt); err != nil {
		t.Error(err)
	}
	for i := range data {
		if _, err := ParseHead(data[:i]); !errors.Is(err, ErrHeadForm) {
			t.Fatalf("cut at %d: got %v", i, err)
		}
	}
}

func TestEveryBitOfAHeadIsSigned(t *testing.T) {
	h, err := SignHead(seeded(1), salt, 1234, testSummary())
	if err != nil {
		t.Fatal(err)
	}
	data := h.Append(nil)
	for i := range data {
		bad := bytes.Clone(data)
		bad[i] ^= 1
		if got, err := ParseHead(bad); err == nil && got.Admit(salt) == nil {
			t.Errorf("byte %d changed: still good", i)
		}
	}
}

// headWith returns a head whose parts are given raw.
func headWith(k, salt, seq, sig, v string) []byte {
	return []byte("d1:k" + k + "4:salt" + salt + "3:seqi" + seq + "e3:sig" + sig + "1:v" + v + "e")
}

func TestParseHeadRefuses(t *testing.T) {
	str := func(n int) string { return string(bencode.AppendString(nil, strings.Repeat("x", n))) }
	v := func(change ...string) string {
		s := "d1:bi1e1:fi1e1:n4:anna1:o" + str(32) + "1:ti1e1:xi2ee"
		return strings.NewReplacer(change...).Replace(s)
	}
	if _, err := ParseHead(headWith(str(32), str(20), "1", str(64), v())); err != nil {
		t.Fatalf("the model itself: %v", err)
	}
	if _, err := ParseHead(headWith(str(32), str(20), "1", str(64), v("1:ti", "1:q3:new1:ti"))); err != nil {
		t.Errorf("an unknown key in v: %v", err)
	}
	for name, data := range map[string][]byte{
		"short key":      headWith(str(31), str(20), "1", str(64), v()),
		"long salt":      headWith(str(32), str(21), "1", str(64), v()),
		"short sig":      headWith(str(32), str(20), "1", str(63), v()),
		"negative seq":   headWith(str(32), str(20), "-1", str(64), v()),
		"seq of 2^62":    headWith(str(32), str(20), "4611686018427387904", str(64), v()),
		"seq of 2^64":    headWith(str(32), str(20), "18446744073709551616", str(64), v()),
		"v a string":     headWith(str(32), str(20), "1", str(64), str(5)),
		"v a list":       headWith(str(32), str(20), "1", str(64), "le"),
		"v empty":        headWith(str(32), str(20), "1", str(64), "de"),
		"v too long":     headWith(str(32), str(20), "1", str(64), v("1:ti", "1:p"+str(950)+"1:ti")),
		"short root":     headWith(str(32), str(20), "1", str(64), v(str(32), str(31))),
		"negative count": headWith(str(32), str(20), "1", str(64), v("1:fi1e", "1:fi-1e")),
		"negative bytes": headWith(str(32), str(20), "1", str(64), v("1:bi1e", "1:bi-1e")),
		"year 10000":     headWith(str(32), str(20), "1", str(64), v("xi2e", "xi253402300800e")),
		"name empty":     headWith(str(32), str(20), "1", str(64), v("4:anna", "0:")),
		"name of 33":     headWith(str(32), str(20), "1", str(64), v("4:anna", str(33))),
		"name a/b":       headWith(str(32), str(20), "1", str(64), v("4:anna", "3:a/b")),
		"name a~b":       headWith(str(32), str(20), "1", str(64), v("4:anna", "3:a~b")),
		"name with tab":  headWith(str(32), str(20), "1", str(64), v("4:anna", "3:a\tb")),
		"name no UTF-8":  headWith(str(32), str(20), "1", str(64), v("4:anna", "1:\xff")),
		"name a list":    headWith(str(32), str(20), "1", str(64), v("4:anna", "l1:ae")),
		"files a string": headWith(str(32), str(20), "1", str(64), v("1:fi1e", "1:f1:1")),
		"more keys":      []byte("d1:ai1e" + string(headWith(str(32), str(20), "1", str(64), v()))[1:]),
		"trailing":       append(headWith(str(32), str(20), "1", str(64), v()), 'e'),
		"nested":         headWith(str(32), str(20), "1", str(64), strings.Repeat("l", 400)+strings.Repeat("e", 400)),
		"empty":          nil,
	} {
		if h, err := ParseHead(data); !errors.Is(err, ErrHeadForm) {
			t.Errorf("%s: got %+v, %v", name, h, err)
		}
	}
}

func TestSignHeadRefusesNames(t *testing.T) {
	for _, name := range []string{"", "a/b", "a~b", "a\nb", "\xff", strings.Repeat("x", 33), "\u0085"} {
		s := testSummary()
		s.Name = name
		if _, err := SignHead(seeded(1), salt, 1, s); !errors.Is(err, ErrMemberName) {
			t.Errorf("%q: got %v", name, err)
		}
	}
}

func TestNextSeq(t *testing.T) {
	now := time.UnixMilli(5000)
	for _, c := range []struct{ last, want int64 }{{0, 5000}, {4999, 5000}, {5000, 5001}, {9000, 9001}} {
		if got := NextSeq(c.last, now); got != c.want {
			t.Errorf("after %d: got %d, want %d", c.last, got, c.want)
		}
	}
}

func testSummary() Summary {
	return Summary{
		Root: HashObject([]byte("root")), Files: 3, Bytes: 1 << 40,
		Time: signedAt, Expires: signedAt.Add(30 * 24 * time.Hour), Name: "änna",
	}
}

var (
	salt     = Salt{1, 2, 3}
	signedAt = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

// seeded returns the identity of a fixed seed.
func seeded(n int) *Identity { return IdentityFromSeed([32]byte{byte(n), byte(n >> 8), 7}) }
