package hashing

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"testing"
)

// lengths are all near the ends of blocks, and some drawn ones.
func lengths(r *rand.Rand) []int {
	var list []int
	for n := range 260 {
		list = append(list, n)
	}
	for _, n := range []int{16 << 10, maxRun * blockLen, 2*maxRun*blockLen + 64} {
		for _, d := range []int{-65, -64, -9, -8, -1, 0, 1, 55, 56, 63, 64, 65} {
			list = append(list, n+d)
		}
	}
	for range 40 {
		list = append(list, r.IntN(200<<10))
	}
	return list
}

func drawn(t testing.TB, n int) ([]byte, *rand.Rand) {
	t.Helper()
	src := rand.NewChaCha8([32]byte{byte(n)})
	data := make([]byte, n)
	src.Read(data)
	return data, rand.New(src)
}

// TestUsed sees to it that what the processor can do is done.
func TestUsed(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return
	}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Fatal(err)
	}
	flags, _, _ := bytes.Cut(info[bytes.Index(info, []byte("\nflags")):], []byte("\n\n"))
	want := slices.ContainsFunc(bytes.Fields(flags), func(f []byte) bool { return string(f) == "sha_ni" })
	if want = want && !purego; twoLanes != want {
		t.Errorf("two lanes: %v, /proc/cpuinfo says %v", twoLanes, want)
	}
}

// TestPairs compares with the standard library, at starts of any alignment.
func TestPairs(t *testing.T) {
	data, r := drawn(t, 600<<10)
	for _, n := range lengths(r) {
		i, j := r.IntN(len(data)-n), r.IntN(len(data)-n)
		a, b := data[i:i+n], data[j:j+n]
		if x, y := sum1Pair(a, b); x != sha1.Sum(a) || y != sha1.Sum(b) {
			t.Fatalf("sum1Pair differs: %d bytes at %d and %d", n, i, j)
		}
		if x, y := sum256Pair(a, b); x != sha256.Sum256(a) || y != sha256.Sum256(b) {
			t.Fatalf("sum256Pair differs: %d bytes at %d and %d", n, i, j)
		}
		m := r.IntN(n + 1)
		if x, y := sum1Pair(a[:m], b); x != sha1.Sum(a[:m]) || y != sha1.Sum(b) {
			t.Fatalf("sum1Pair differs: %d and %d bytes", m, n)
		}
		if x, y := sum256Pair(a, b[:m]); x != sha256.Sum256(a) || y != sha256.Sum256(b[:m]) {
			t.Fatalf("sum256Pair differs: %d and %d bytes", n, m)
		}
	}
}

// forms are a Pair1 of this processor and one of a processor without lanes.
func forms() map[string]*Pair1 {
	return map[string]*Pair1{"own": NewPair1(), "single": newPair1(false)}
}

func TestPair1Splits(t *testing.T) {
	data, r := drawn(t, 600<<10)
	for name, p := range forms() {
		for _, n := range lengths(r) {
			i, j := r.IntN(len(data)-n), r.IntN(len(data)-n)
			a, b := data[i:i+n], data[j:j+n]
			p.Reset()
			most := 1 << r.IntN(18)
			for at := 0; at < n; {
				k := min(n-at, r.IntN(most+1))
				p.Write(a[at:at+k], b[at:at+k])
				at += k
			}
			if x, y := p.Sum(); x != sha1.Sum(a) || y != sha1.Sum(b) {
				t.Fatalf("%s: differs: %d bytes in parts up to %d", name, n, most)
			}
		}
	}
}

func TestPair1Unlike(t *testing.T) {
	for name, p := range forms() {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: parts of 3 and 4 bytes are taken", name)
				}
			}()
			p.Write(make([]byte, 3), make([]byte, 4))
		}()
	}
}

func TestBoth(t *testing.T) {
	data, r := drawn(t, 600<<10)
	for name, h := range map[string]*both{"own": newBoth(), "single": bothOn(false)} {
		for _, n := range lengths(r) {
			i := r.IntN(len(data) - n)
			in := data[i : i+n]
			h.Reset()
			most, unit := 1<<r.IntN(18), 1+63*r.IntN(2) // whole blocks every other time
			for rest := in; len(rest) > 0; {
				k := min(len(rest), (1+r.IntN(most))*unit)
				part := rest[:k]
				rest = rest[k:]
				if r.IntN(4) == 0 {
					h.write1(part)
				} else if h.Write(part) != sha256.Sum256(part) {
					t.Fatalf("%s: SHA-256 differs: part of %d bytes", name, k)
				}
			}
			if h.Sum() != sha1.Sum(in) {
				t.Fatalf("%s: SHA-1 differs: %d bytes in parts up to %d", name, n, most)
			}
		}
	}
}

func TestLeaves(t *testing.T) {
	data, r := drawn(t, 200<<10)
	for range 100 {
		part := data[:r.IntN(len(data))]
		blocks := slices.Collect(slices.Chunk(part, BlockSize))
		want := []Hash256{{1}}
		for _, b := range blocks {
			want = append(want, sha256.Sum256(b))
		}
		if got := AppendLeaves([]Hash256{{1}}, part); !slices.Equal(got, want) {
			t.Fatalf("AppendLeaves differs: %d bytes", len(part))
		}
		if got := Leaves(blocks); !slices.Equal(got, want[1:]) {
			t.Fatalf("Leaves differ: %d bytes", len(part))
		}
	}
}

func FuzzPairs(f *testing.F) {
	f.Add([]byte("abc"), 0, 3)
	f.Add(make([]byte, 400), 55, 64)
	f.Fuzz(func(t *testing.T, data []byte, cut, split int) {
		cut = min(max(cut, 0), len(data))
		half := min(cut, len(data)-cut)
		a, b := data[:half], data[cut:cut+half]
		if x, y := sum256Pair(data[:cut], data[cut:]); x != sha256.Sum256(data[:cut]) || y != sha256.Sum256(data[cut:]) {
			t.Error("sum256Pair differs")
		}
		if x, y := sum256Pair(a, b); x != sha256.Sum256(a) || y != sha256.Sum256(b) {
			t.Error("sum256Pair of one length differs")
		}
		split = min(max(split, 0), half)
		p := NewPair1()
		p.Write(a[:split], b[:split])
		p.Write(a[split:], b[split:])
		if x, y := p.Sum(); x != sha1.Sum(a) || y != sha1.Sum(b) {
			t.Error("Pair1 differs")
		}
		h := newBoth()
		if h.Write(data[:cut]) != sha256.Sum256(data[:cut]) || h.Write(data[cut:]) != sha256.Sum256(data[cut:]) {
			t.Error("Both differs in SHA-256")
		}
		if h.Sum() != sha1.Sum(data) {
			t.Error("Both differs in SHA-1")
		}
	})
}

// BenchmarkSHA compares what one core does with pairs and without, for a
// piece and for a block each.
func BenchmarkSHA(b *testing.B) {
	const block = BlockSize
	data, _ := drawn(b, 512<<10)
	x, y := data[:len(data)/2], data[len(data)/2:]
	for _, way := range []struct {
		name string
		f    func()
	}{
		{"1/single", func() { sha1.Sum(x); sha1.Sum(y) }},
		{"1/pair", func() { sum1Pair(x, y) }},
		{"256/single", func() {
			for b := range slices.Chunk(data, block) {
				sha256.Sum256(b)
			}
		}},
		{"256/pair", func() {
			var room [512 << 10 / block]Hash256
			AppendLeaves(room[:0], data)
		}},
		{"both/single", func() {
			sha1.Sum(data)
			for b := range slices.Chunk(data, block) {
				sha256.Sum256(b)
			}
		}},
		{"both/fused", func() {
			h := newBoth()
			for b := range slices.Chunk(data, block) {
				h.Write(b)
			}
			h.Sum()
		}},
	} {
		b.Run(way.name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				way.f()
			}
		})
	}
}
