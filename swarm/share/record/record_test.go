package record

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"p2pfs/swarm/kv"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/share/inode"
)

func randomHashes(r *rand.Rand, pieces, layer int) *Hashes {
	h := &Hashes{Root: metainfo.Hash256{byte(r.Uint32())}, Pieces: make([]metainfo.Hash, pieces), Layer: make([]metainfo.Hash256, layer)}
	for i := range h.Pieces {
		h.Pieces[i] = metainfo.Hash{byte(r.Uint32()), byte(i)}
	}
	for i := range h.Layer {
		h.Layer[i] = metainfo.Hash256{byte(i), byte(r.Uint32())}
	}
	return h
}

func testSummary(n byte) Summary {
	return Summary{
		CTime: int64(n) - 3, Root: metainfo.Hash256{n, 1}, V1: metainfo.Hash{n, 2},
		V2: metainfo.Hash{n, 3}, Tag: [8]byte{n, 4}, Sound: true,
	}
}

func TestRecordsRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	id := inode.ID{Dev: 1, Ino: 1 << 63, Size: 5, MTime: -7}
	k := keyOf(id)
	if got, ok := parseKey(k); !ok || got != id {
		t.Errorf("key: got %+v, want %+v", got, id)
	}
	sum := testSummary(9)
	if got, err := decodeSummary(k, sum.encode(k, 7), 7); err != nil || got != sum {
		t.Errorf("Summary: got %+v %v, want %+v", got, err, sum)
	}
	for _, n := range []int{0, 1, 2, 100} {
		h := randomHashes(r, n, n/2)
		got, err := decodeHashes(k, h.encode(k))
		if err != nil || !bytes.Equal(got.encode(k), h.encode(k)) {
			t.Errorf("hashes of %d: got %v %v", n, got, err)
		}
	}
	if since, err := decodeGone(k, encodeGone(k, 77)); err != nil || since != 77 {
		t.Errorf("gone: got %d %v", since, err)
	}
}

func TestRecordsNoticeDamage(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	k, other := keyOf(fileID(1, 2, 3, 4)), keyOf(fileID(1, 2, 3, 5))
	sum := testSummary(1)
	for name, c := range map[string]struct {
		value  []byte
		decode func(k, v []byte) error
	}{
		"summary": {sum.encode(k, 7), func(k, v []byte) error { _, err := decodeSummary(k, v, 7); return err }},
		"hashes":  {randomHashes(r, 3, 2).encode(k), func(k, v []byte) error { _, err := decodeHashes(k, v); return err }},
		"gone":    {encodeGone(k, 5), func(k, v []byte) error { _, err := decodeGone(k, v); return err }},
	} {
		if c.decode(k, c.value) != nil {
			t.Errorf("%s: whole record refused", name)
		}
		if c.decode(other, c.value) == nil {
			t.Errorf("%s: taken under another key", name)
		}
		for i := range c.value {
			bad := bytes.Clone(c.value)
			bad[i] ^= 0x10
			if c.decode(k, bad) == nil {
				t.Errorf("%s: flipped byte %d not noticed", name, i)
			}
			if c.decode(k, c.value[:i]) == nil {
				t.Errorf("%s: cut to %d bytes not noticed", name, i)
			}
		}
		if c.decode(k, append(bytes.Clone(c.value), 0)) == nil {
			t.Errorf("%s: byte at the end not noticed", name)
		}
	}
	if _, err := decodeSummary(k, encodeGone(k, 5), 7); err == nil {
		t.Error("a record of another bucket was taken")
	}
}

// FuzzRecord also seals the input, so that the decoders see more than the
// checksum does.
func FuzzRecord(f *testing.F) {
	k := keyOf(fileID(1, 2, 3, 4))
	sum := testSummary(1)
	f.Add(k, sum.encode(k, 7))
	f.Add(k, encodeGone(k, 1))
	f.Add(k, randomHashes(rand.New(rand.NewPCG(1, 2)), 2, 1).encode(k))
	f.Add([]byte{}, []byte{recordVersion, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, k, v []byte) {
		parseKey(k)
		decodeSummary(k, v, 7)
		decodeGone(k, v)
		if h, err := decodeHashes(k, kv.Seal(bucketPieces, k, bytes.Clone(v))); err == nil {
			if 20*len(h.Pieces)+32*len(h.Layer) > len(v) || !bytes.Equal(h.encode(k), kv.Seal(bucketPieces, k, bytes.Clone(v))) {
				t.Errorf("%x became %+v", v, h)
			}
		}
		decodeSummary(k, kv.Seal(bucketFile, k, bytes.Clone(v)), 7)
		decodeGone(k, kv.Seal(bucketGone, k, bytes.Clone(v)))
	})
}

func fileID(dev, ino uint64, size, mtime int64) inode.ID {
	return inode.ID{Dev: dev, Ino: ino, Size: size, MTime: mtime}
}
