package catalog

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"p2pfs/swarm/bencode"
	"p2pfs/swarm/names"
)

func FuzzHead(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ParseHead(data)
		if err != nil {
			return
		}
		if got := h.Append(nil); !bytes.Equal(got, data) {
			t.Fatalf("read %q, wrote %q", data, got)
		}
		if len(h.Value) > MaxValue || CheckMemberName(h.Name) != nil || h.Seq < 0 || h.Files < 0 || h.Bytes < 0 {
			t.Fatalf("out of bounds: %+v", h)
		}
		h.Admit(salt)
	})
}

func FuzzObject(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := DecodeObject(data)
		if err != nil {
			return
		}
		got := AppendShard(nil, o.Items)
		if o.Level > 0 {
			got = AppendIndex(nil, o.Level, o.Kids)
		}
		if !bytes.Equal(got, data) {
			t.Fatalf("read %q, wrote %q", data, got)
		}
		for i, it := range o.Items {
			if it.Check() != nil || i > 0 && it.Name <= o.Items[i-1].Name {
				t.Fatalf("entry %d: %+v", i, it)
			}
		}
	})
}

func FuzzEntry(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := bencode.NewCursor(data, bencode.Limits{Bytes: MaxObject})
		if err != nil {
			return
		}
		var it Item
		if it.parse(c) != nil {
			return
		}
		if got := it.Append(nil); !bytes.Equal(got, data) {
			t.Fatalf("read %q, wrote %q", data, got)
		}
		if !names.Valid(it.Name) {
			t.Fatalf("name %q", it.Name)
		}
	})
}

// seeds returns the seed corpora, which are kept in testdata/fuzz.
func seeds() map[string][][]byte {
	rng := rand.New(rand.NewSource(7))
	all := map[string][][]byte{}
	add := func(target string, good ...[]byte) {
		for _, data := range good {
			all[target] = append(all[target], data)
			for range 3 {
				all[target] = append(all[target], spoilt(rng, data))
			}
		}
	}
	for i := range 26 {
		s := testSummary()
		s.Files, s.Bytes = rng.Int63n(1<<(1+i)), rng.Int63n(1<<(2*i+1))
		s.Name = strings.Repeat("ä", i%16+1)
		s.Root = HashObject([]byte{byte(i)})
		h, _ := SignHead(seeded(i), salt, rng.Int63n(1<<40), s)
		add("FuzzHead", h.Append(nil))
	}
	for i := range 26 {
		var items []Item
		for j := range 1 + i*i/10 {
			seed := rng.Intn(1000)
			it := Item{Name: fmt.Sprintf("%c%06d", 'a'+j%26, j), Size: 1 + int64(seed), MTime: int64(seed), Root: HashObject([]byte{byte(seed)})}
			switch rng.Intn(5) {
			case 0:
				it.Kind, it.Size = KindDir, 0
			case 1:
				it = Item{Name: it.Name, Kind: KindSymlink, Target: "x/y"}
			case 2:
				it.Exec, it.V1 = true, [20]byte(it.Root[:20])
			case 3:
				it = Item{Name: it.Name}
			}
			items = append(items, it)
		}
		e := items[len(items)-1]
		slices.SortFunc(items, func(x, y Item) int { return strings.Compare(x.Name, y.Name) })
		add("FuzzObject", AppendShard(nil, items))
		add("FuzzEntry", e.Append(nil))
	}
	return all
}

// spoilt returns data with one thing wrong.
func spoilt(rng *rand.Rand, data []byte) []byte {
	data = bytes.Clone(data)
	i := rng.Intn(len(data))
	switch rng.Intn(6) {
	case 0:
		return data[:i]
	case 1:
		data[i] ^= 1 << rng.Intn(8)
	case 2:
		data[i] = "0123456789:deil-"[rng.Intn(16)]
	case 3:
		return append(data, data[i:]...)
	case 4:
		j := i + rng.Intn(len(data)-i)
		return append(data[:i], data[j:]...)
	case 5:
		return append(append(bytes.Clone(data[:i]), strings.Repeat("l", rng.Intn(200))...), data[i:]...)
	}
	return data
}

// TestCorpora checks that the seed corpora are there; with P2PFS_CORPUS set it
// writes them.
func TestCorpora(t *testing.T) {
	for target, list := range seeds() {
		dir := filepath.Join("testdata", "fuzz", target)
		if os.Getenv("P2PFS_CORPUS") != "" {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			for i, data := range list {
				text := fmt.Sprintf("go test fuzz v1\n[]byte(%q)\n", data)
				if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("seed-%03d", i)), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
		if files, _ := os.ReadDir(dir); len(files) < 100 {
			t.Errorf("%s has %d seeds, want at least 100", target, len(files))
		}
	}
}
