package catalog

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"p2pfs/swarm/bencode"
)

// Salt is the rendezvous infohash of a drive, the salt of its heads: no head
// can be replayed into another drive.
type Salt [20]byte

// Bounds on heads, in bytes.
const (
	MaxValue = 1000            // v, bencoded (BEP 44)
	MaxHead  = MaxValue + 1000 // a whole head, bencoded
)

// maxSeq leaves room to overtake any head that is accepted.
const maxSeq = math.MaxInt64 >> 1

// Reasons for which a head is refused.
var (
	ErrHeadForm  = errors.New("head: malformed")
	ErrSalt      = errors.New("head: of another drive")
	ErrSignature = errors.New("head: wrong signature")
)

// Summary is what a head tells of the catalogue it names.
type Summary struct {
	Root    Hash      // the root directory's object
	Files   int64     // a count
	Bytes   int64     // sum of the files' sizes
	Time    time.Time // when it was signed, by the author's clock; whole seconds
	Expires time.Time // when others may forget it; whole seconds
	Name    string    // the author's display name; proves nothing
	Began   int64     // when the author's process began, in microseconds of Unix time; 0: not told
	Moved   bool      // it runs on another machine than the one its key was made on
}

// Head is the signed record that names a member's newest catalogue: a mutable
// item of BEP 44. Made by SignHead or ParseHead, so that its fields agree with
// Value; not to be changed after Admit.
type Head struct {
	Key   Key
	Seq   int64
	Salt  Salt
	Value []byte // v, bencoded; not to be changed
	Sig   [ed25519.SignatureSize]byte
	Summary

	admitted bool // the signature was found to be good
}

// SignHead makes and signs the head of a catalogue. The Summary's name must be
// valid.
func SignHead(id *Identity, salt Salt, seq int64, s Summary) (Head, error) {
	if err := CheckMemberName(s.Name); err != nil {
		return Head{}, err
	}
	v, err := bencode.Marshal(value{
		Bytes: s.Bytes, Files: s.Files, Name: s.Name, Root: s.Root[:],
		Time: s.Time.Unix(), Expires: s.Expires.Unix(), Began: s.Began, Moved: s.Moved,
	})
	if err != nil {
		return Head{}, fmt.Errorf("head: %w", err)
	}
	h := Head{Key: id.Key(), Seq: seq, Salt: salt, Value: v}
	if h.Summary, err = parseValue(v); err != nil {
		return Head{}, err
	}
	h.Sig = id.Sign(h.signed())
	return h, nil
}

// signed returns the buffer that BEP 44 signs: salt, seq and v, bencoded one
// behind the other.
func (h *Head) signed() []byte {
	b := make([]byte, 0, len(h.Value)+64)
	b = append(b, "4:salt20:"...)
	b = append(b, h.Salt[:]...)
	b = append(b, "3:seqi"...)
	b = strconv.AppendInt(b, h.Seq, 10)
	b = append(b, "e1:v"...)
	return append(b, h.Value...)
}

// Verify reports whether the signature is the key's.
func (h *Head) Verify() bool { return h.Key.Verify(h.signed(), h.Sig[:]) }

// Append appends the bencoded head, a dictionary of k, salt, seq, sig and v.
func (h *Head) Append(dst []byte) []byte {
	dst = append(dst, "d1:k32:"...)
	dst = append(dst, h.Key[:]...)
	dst = append(dst, "4:salt20:"...)
	dst = append(dst, h.Salt[:]...)
	dst = append(dst, "3:seqi"...)
	dst = strconv.AppendInt(dst, h.Seq, 10)
	dst = append(dst, "e3:sig64:"...)
	dst = append(dst, h.Sig[:]...)
	dst = append(dst, "1:v"...)
	dst = append(dst, h.Value...)
	return append(dst, 'e')
}

// ParseHead reads a bencoded head and checks everything but its salt and its
// signature. ErrHeadForm, wrapped, if it is not exactly what Append writes; v
// may hold keys unknown here.
func ParseHead(data []byte) (Head, error) {
	var item struct {
		Key  []byte             `bencode:"k"`
		Salt []byte             `bencode:"salt"`
		Seq  int64              `bencode:"seq"`
		Sig  []byte             `bencode:"sig"`
		V    bencode.RawMessage `bencode:"v"`
	}
	if err := bencode.Unmarshal(data, &item, bencode.Limits{Bytes: MaxHead, Tokens: 200, Depth: 8}); err != nil {
		return Head{}, fmt.Errorf("%w: %w", ErrHeadForm, err)
	}
	h := Head{Seq: item.Seq, Value: append([]byte(nil), item.V...)}
	switch {
	case len(item.Key) != len(h.Key), len(item.Salt) != len(h.Salt), len(item.Sig) != len(h.Sig):
		return Head{}, fmt.Errorf("%w: key, salt or signature of wrong length", ErrHeadForm)
	case h.Seq < 0 || h.Seq > maxSeq:
		return Head{}, fmt.Errorf("%w: seq %d", ErrHeadForm, h.Seq)
	}
	copy(h.Key[:], item.Key)
	copy(h.Salt[:], item.Salt)
	copy(h.Sig[:], item.Sig)
	if !bytes.Equal(h.Append(nil), data) {
		return Head{}, fmt.Errorf("%w: other keys beside k, salt, seq, sig, v", ErrHeadForm)
	}
	var err error
	h.Summary, err = parseValue(h.Value)
	return h, err
}

// value is v of a head.
type value struct {
	Bytes   int64  `bencode:"b"`
	Files   int64  `bencode:"f"`
	Moved   bool   `bencode:"m,omitempty"`
	Name    string `bencode:"n"`
	Root    []byte `bencode:"o"`
	Began   int64  `bencode:"s,omitempty"`
	Time    int64  `bencode:"t"`
	Expires int64  `bencode:"x"`
}

// maxUnix is the last second that a head may name: the end of year 9999.
const maxUnix = 253402300799

func parseValue(v []byte) (Summary, error) {
	var w value
	if err := bencode.Unmarshal(v, &w, bencode.Limits{Bytes: MaxValue, Tokens: 180, Depth: 7}); err != nil {
		return Summary{}, fmt.Errorf("%w: v: %w", ErrHeadForm, err)
	}
	s := Summary{Files: w.Files, Bytes: w.Bytes, Name: w.Name, Began: w.Began, Moved: w.Moved}
	switch {
	case v[0] != 'd', len(w.Root) != len(s.Root):
		return Summary{}, fmt.Errorf("%w: v without a root object", ErrHeadForm)
	case w.Bytes < 0, w.Files < 0:
		return Summary{}, fmt.Errorf("%w: negative count", ErrHeadForm)
	case w.Time < 0, w.Time > maxUnix, w.Expires < 0, w.Expires > maxUnix:
		return Summary{}, fmt.Errorf("%w: time out of range", ErrHeadForm)
	case w.Began < 0, w.Began > maxUnix*1_000_000:
		return Summary{}, fmt.Errorf("%w: beginning out of range", ErrHeadForm)
	}
	if err := CheckMemberName(w.Name); err != nil {
		return Summary{}, fmt.Errorf("%w: %w", ErrHeadForm, err)
	}
	copy(s.Root[:], w.Root)
	s.Time, s.Expires = time.Unix(w.Time, 0).UTC(), time.Unix(w.Expires, 0).UTC()
	return s, nil
}

// Admit checks that h belongs to the drive and is signed by its key: ErrSalt
// or ErrSignature. Done once, it costs nothing a second time: Apply asks again.
func (h *Head) Admit(salt Salt) error {
	if h.Salt != salt {
		return ErrSalt
	}
	if !h.admitted && !h.Verify() {
		return ErrSignature
	}
	h.admitted = true
	return nil
}

// NextSeq returns the sequence number of a head signed now, when the author's
// last was last: max(last+1, Unix milliseconds).
func NextSeq(last int64, now time.Time) int64 {
	return max(last+1, min(now.UnixMilli(), maxSeq))
}
