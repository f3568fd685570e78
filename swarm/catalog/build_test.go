package catalog

import (
	"fmt"
	"math/rand"
	"slices"
	"testing"
	"time"

	"p2pfs/swarm/names"
)

// objects is a plain set of objects.
type objects map[Hash][]byte

func (o objects) put(h Hash, data []byte) error {
	o[h] = data
	return nil
}

// file returns a File with content drawn from seed.
func file(path string, seed int) File {
	root := HashObject(fmt.Appendf(nil, "%s %d", "content", seed))
	return File{
		Path: path, Size: int64(seed) + 1, Root: root, V1: [20]byte(root[:20]),
		MTime: time.Unix(1700000000+int64(seed), int64(seed)),
	}
}

// walk returns all items under a directory object, by path.
func (o objects) walk(t *testing.T, root Hash, path string, out map[string]item) {
	t.Helper()
	data, ok := o[root]
	if !ok {
		t.Fatalf("%s: object %v missing", path, root)
	}
	if len(data) > MaxObject {
		t.Fatalf("%s: object of %d bytes", path, len(data))
	}
	obj, err := decodeObject(data)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for _, k := range obj.kids {
		o.walk(t, k.hash, path, out)
	}
	for _, it := range obj.items {
		out[path+it.name] = it
		if it.kind == KindDir {
			o.walk(t, it.root, path+it.name+"/", out)
		}
	}
}

func mustBuild(t testing.TB, b *Builder, files []File) Tree {
	t.Helper()
	tree, err := b.Build(files)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestBuildHoldsWhatItWasGiven(t *testing.T) {
	files := []File{
		file("b.txt", 1), file("a/x", 2), file("a.b", 3), file("a/y/z", 4),
		{Path: "empty", Kind: KindDir},
		{Path: "link", Kind: KindSymlink, Target: "a/x"},
		{Path: "zero", Exec: false},
		{Path: "a", Kind: KindDir, MTime: time.Unix(5, 0)},
	}
	store := objects{}
	tree := mustBuild(t, NewBuilder(store.put), files)
	got := map[string]item{}
	store.walk(t, tree.Root, "", got)
	want := []string{"a", "a.b", "a/x", "a/y", "a/y/z", "b.txt", "empty", "link", "zero"}
	var names []string
	for name := range got {
		names = append(names, name)
	}
	slices.Sort(names)
	if !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
	if tree.Files != 6 || tree.Bytes != 2+3+4+5 || len(tree.Dropped) > 0 {
		t.Errorf("got %+v", tree)
	}
	if got["a"].mtime != 5e9 {
		t.Errorf("mtime of a given directory: got %d", got["a"].mtime)
	}
	if got["a/y"].mtime != got["a/y/z"].mtime {
		t.Errorf("mtime of an implied directory: got %d, want its newest file's", got["a/y"].mtime)
	}
}

func TestBuildDrops(t *testing.T) {
	deep := "d"
	for range names.MaxDepth {
		deep += "/d"
	}
	files := []File{
		{Path: ""}, {Path: "/abs"}, {Path: "a/../b"}, {Path: "a//b"}, {Path: "nul\x00"}, {Path: "bad\xff"},
		{Path: deep}, {Path: "neg", Size: -1}, {Path: "noroot", Size: 1}, {Path: "huge", Size: MaxSize + 1, Root: Hash{1}},
		{Path: "rooted", Root: Hash{1}}, {Path: "kind", Kind: 9},
		{Path: "out", Kind: KindSymlink, Target: "../x"}, {Path: "abs", Kind: KindSymlink, Target: "/etc"},
		file("twice", 1), file("twice", 2),
		file("both", 1), file("both/x", 2),
	}
	store := objects{}
	tree := mustBuild(t, NewBuilder(store.put), files)
	got := map[string]item{}
	store.walk(t, tree.Root, "", got)
	if len(got) != 3 || got["twice"].size != 2 || got["both/x"].size != 3 {
		t.Errorf("got %v", got)
	}
	if len(tree.Dropped) != len(files)-2 {
		t.Errorf("dropped %d of %d: %q", len(tree.Dropped), len(files), tree.Dropped)
	}
}

// many returns n files in one directory.
func many(n int) []File {
	files := make([]File, n)
	for i := range files {
		files[i] = file(fmt.Sprintf("dir/file %05d.txt", i), i)
	}
	return files
}

// resent counts the objects of after that are not in before.
func resent(before, after objects) int {
	n := 0
	for h := range after {
		if _, ok := before[h]; !ok {
			n++
		}
	}
	return n
}

func buildFresh(t testing.TB, files []File) (Tree, objects) {
	t.Helper()
	o := objects{}
	return mustBuild(t, NewBuilder(o.put), files), o
}

func TestEditResendsItsPathOnly(t *testing.T) {
	files := many(10_000)
	_, before := buildFresh(t, files)
	rng := rand.New(rand.NewSource(1))
	total, worst := 0, 0
	const rounds = 30
	for round := range rounds {
		edited := slices.Clone(files)
		i := rng.Intn(len(edited))
		switch round % 3 {
		case 0:
			edited[i] = file(edited[i].Path, 1_000_000+round)
		case 1:
			edited = slices.Delete(edited, i, i+1)
		case 2:
			edited = append(edited, file(edited[i].Path+" copy", i))
		}
		_, after := buildFresh(t, edited)
		n := resent(before, after)
		total += n
		worst = max(worst, n)
	}
	t.Logf("%d objects; an edit re-sends %.1f on average, %d at worst", len(before), float64(total)/rounds, worst)
	if worst > 12 || total > 6*rounds {
		t.Errorf("an edit re-sends %.1f objects on average and %d at worst of %d", float64(total)/rounds, worst, len(before))
	}
}

func TestBuildIsAFunctionOfTheList(t *testing.T) {
	rng := rand.New(rand.NewSource(2))
	store := objects{}
	b := NewBuilder(store.put)
	files := many(500)
	for round := range 40 {
		i := rng.Intn(len(files))
		if round%2 == 0 {
			files[i] = file(fmt.Sprintf("d%d/e%d/f%d", rng.Intn(3), rng.Intn(3), round), round)
		} else {
			files = slices.Delete(files, i, i+1)
		}
		rng.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
		got := mustBuild(t, b, files)
		want, _ := buildFresh(t, files)
		if got.Root != want.Root || got.Files != want.Files || got.Bytes != want.Bytes {
			t.Fatalf("round %d: a builder with a memory made %v, a new one %v", round, got, want)
		}
		items := map[string]item{}
		store.walk(t, got.Root, "", items)
	}
}

func TestBuildAgainHandsOutTheChangedPath(t *testing.T) {
	var files []File
	for d := range 100 {
		for f := range 100 {
			files = append(files, file(fmt.Sprintf("d%02d/f%02d", d, f), d*100+f))
		}
	}
	n := 0
	b := NewBuilder(func(Hash, []byte) error { n++; return nil })
	mustBuild(t, b, files)
	n = 0
	files[5050] = file(files[5050].Path, 77)
	mustBuild(t, b, files)
	if n > 3 {
		t.Errorf("one edit handed out %d objects", n)
	}
}

func TestSplitProperties(t *testing.T) {
	rng := rand.New(rand.NewSource(3))
	for range 200 {
		n := rng.Intn(2000)
		sizes, marks := make([]int, n), make([]uint64, n)
		for i := range sizes {
			sizes[i], marks[i] = 60+rng.Intn(1+rng.Intn(4600)), rng.Uint64()
		}
		at := 0
		for _, c := range split(sizes, marks) {
			if c.from != at || c.to < c.from {
				t.Fatalf("run %v begins not at %d", c, at)
			}
			at = c.to
			sum := 0
			for _, s := range sizes[c.from:c.to] {
				sum += s
			}
			if sum > MaxObject-objectOverhead {
				t.Fatalf("run %v has %d bytes", c, sum)
			}
		}
		if at != n {
			t.Fatalf("runs end at %d of %d", at, n)
		}
	}
}
