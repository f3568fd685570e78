package build

import (
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/catalogtest"
	"p2pfs/swarm/names"
	"slices"
	"testing"
	"time"
)

// builderOn returns a builder that keeps what it makes in o.
func builderOn(o catalogtest.Objects) *Builder { return New(o.Read) }

// mustApply applies a change and keeps the objects, as whoever publishes does.
func mustApply(t testing.TB, b *Builder, o catalogtest.Objects, d catalog.Delta) catalog.Tree {
	t.Helper()
	tree, err := b.Apply(d)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(o, tree.Objects)
	return tree
}

func mustBuild(t testing.TB, b *Builder, o catalogtest.Objects, files []catalog.File) catalog.Tree {
	t.Helper()
	return mustApply(t, b, o, catalog.Delta{All: true, Put: files})
}

func TestBuildHoldsWhatItWasGiven(t *testing.T) {
	files := []catalog.File{
		catalogtest.File("b.txt", 1), catalogtest.File("a/x", 2), catalogtest.File("a.b", 3), catalogtest.File("a/y/z", 4),
		{Path: "empty", Kind: catalog.KindDir},
		{Path: "link", Kind: catalog.KindSymlink, Target: "a/x"},
		{Path: "zero", Exec: false},
		{Path: "a", Kind: catalog.KindDir, MTime: time.Unix(5, 0)},
	}
	store := catalogtest.Objects{}
	tree := mustBuild(t, builderOn(store), store, files)
	got := map[string]catalog.Item{}
	store.Walk(t, tree.Root, "", got)
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
	if got["a"].MTime != 5e9 {
		t.Errorf("mtime of a given directory: got %d", got["a"].MTime)
	}
	if got["a/y"].MTime != got["a/y/z"].MTime {
		t.Errorf("mtime of an implied directory: got %d, want its newest file's", got["a/y"].MTime)
	}
}

func TestBuildDrops(t *testing.T) {
	deep := "d"
	for range names.MaxDepth {
		deep += "/d"
	}
	files := []catalog.File{
		{Path: ""}, {Path: "/abs"}, {Path: "a/../b"}, {Path: "a//b"}, {Path: "nul\x00"}, {Path: "bad\xff"},
		{Path: deep}, {Path: "neg", Size: -1}, {Path: "noroot", Size: 1}, {Path: "huge", Size: catalog.MaxSize + 1, Root: catalog.Hash{1}},
		{Path: "rooted", Root: catalog.Hash{1}}, {Path: "kind", Kind: 9},
		{Path: "out", Kind: catalog.KindSymlink, Target: "../x"}, {Path: "abs", Kind: catalog.KindSymlink, Target: "/etc"},
		catalogtest.File("twice", 1), catalogtest.File("twice", 2),
		catalogtest.File("both", 1), catalogtest.File("both/x", 2),
	}
	store := catalogtest.Objects{}
	tree := mustBuild(t, builderOn(store), store, files)
	got := map[string]catalog.Item{}
	store.Walk(t, tree.Root, "", got)
	if len(got) != 3 || got["twice"].Size != 2 || got["both/x"].Size != 3 {
		t.Errorf("got %v", got)
	}
	if len(tree.Dropped) != len(files)-2 {
		t.Errorf("dropped %d of %d: %q", len(tree.Dropped), len(files), tree.Dropped)
	}
}

// resent counts the objects of after that are not in before.
func resent(before, after catalogtest.Objects) int {
	n := 0
	for h := range after {
		if _, ok := before[h]; !ok {
			n++
		}
	}
	return n
}

func buildFresh(t testing.TB, files []catalog.File) (catalog.Tree, catalogtest.Objects) {
	t.Helper()
	o := catalogtest.Objects{}
	return mustBuild(t, builderOn(o), o, files), o
}

func TestEditResendsItsPathOnly(t *testing.T) {
	files := catalogtest.Many(10_000)
	_, before := buildFresh(t, files)
	rng := rand.New(rand.NewSource(1))
	total, worst := 0, 0
	const rounds = 30
	for round := range rounds {
		edited := slices.Clone(files)
		i := rng.Intn(len(edited))
		switch round % 3 {
		case 0:
			edited[i] = catalogtest.File(edited[i].Path, 1_000_000+round)
		case 1:
			edited = slices.Delete(edited, i, i+1)
		case 2:
			edited = append(edited, catalogtest.File(edited[i].Path+" copy", i))
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

// TestApplyIsAFunctionOfWhatIsShared makes random changes, small and large, and
// compares with what a new builder makes of the whole.
func TestApplyIsAFunctionOfWhatIsShared(t *testing.T) {
	for seed := range int64(20) {
		rng := rand.New(rand.NewSource(seed))
		store := catalogtest.Objects{}
		b := builderOn(store)
		shared := map[string]catalog.File{}
		for _, f := range catalogtest.Many(1 + rng.Intn(3000)) {
			shared[f.Path] = f
		}
		mustBuild(t, b, store, slices.Collect(maps.Values(shared)))
		for round := range 20 {
			got := mustApply(t, b, store, randomDelta(rng, shared, 1+rng.Intn(1+rng.Intn(200))))
			fresh := catalogtest.Objects{}
			want := mustBuild(t, builderOn(fresh), fresh, slices.Collect(maps.Values(shared)))
			if got.Root != want.Root || got.Files != want.Files || got.Bytes != want.Bytes || len(got.Dropped) > 0 {
				t.Fatalf("seed %d, round %d: changes made %v %d %d %q, all at once %v %d %d",
					seed, round, got.Root, got.Files, got.Bytes, got.Dropped, want.Root, want.Files, want.Bytes)
			}
			items := map[string]catalog.Item{}
			store.Walk(t, got.Root, "", items)
		}
	}
}

// randomDelta changes what is shared, and tells how.
func randomDelta(rng *rand.Rand, shared map[string]catalog.File, n int) (d catalog.Delta) {
	paths := slices.Sorted(maps.Keys(shared))
	touched := map[string]bool{}
	run := rng.Intn(2) == 0 // beside each other
	at := rng.Intn(len(paths) + 1)
	for i := range n {
		if !run {
			at = rng.Intn(len(paths) + 1)
		}
		var f catalog.File
		switch k := rng.Intn(4); {
		case k == 0 && at < len(paths):
			if path := paths[at]; !touched[path] {
				d.Gone = append(d.Gone, path)
				delete(shared, path)
				touched[path] = true
			}
			at++
			continue
		case k == 1 && at < len(paths):
			f = shared[paths[at]]
			f.MTime = time.Unix(1_500_000_000+rng.Int63n(1<<28), 0)
			at++
		case k == 2:
			f = catalog.File{Path: fmt.Sprintf("dir/sub%d", rng.Intn(9)), Kind: catalog.KindDir, MTime: time.Unix(rng.Int63n(3), 0)}
		default:
			f = catalogtest.File(fmt.Sprintf("dir/sub%d/e%d/%0*d", rng.Intn(9), rng.Intn(4), 1+rng.Intn(200), rng.Intn(99)), rng.Intn(1000)+i)
		}
		if f.Path == "" || touched[f.Path] {
			continue
		}
		touched[f.Path] = true
		d.Put = append(d.Put, f)
		shared[f.Path] = f
	}
	return d
}

func TestApplyTurnsFilesIntoDirectoriesAndBack(t *testing.T) {
	store := catalogtest.Objects{}
	b := builderOn(store)
	mustBuild(t, b, store, []catalog.File{catalogtest.File("a", 1), catalogtest.File("b/x", 2), catalogtest.File("b/y", 3), {Path: "c", Kind: catalog.KindDir}})
	for i, step := range []struct {
		d    catalog.Delta
		want string
	}{
		{catalog.Delta{Gone: []string{"a"}, Put: []catalog.File{catalogtest.File("a/in", 4)}}, "[a a/in b b/x b/y c]"},
		{catalog.Delta{Gone: []string{"b/x", "b/y"}, Put: []catalog.File{catalogtest.File("b", 5)}}, "[a a/in b c]"},
		{catalog.Delta{Gone: []string{"c"}, Put: []catalog.File{{Path: "c", Kind: catalog.KindSymlink, Target: "b"}}}, "[a a/in b c]"},
		{catalog.Delta{Put: []catalog.File{{Path: "a", Kind: catalog.KindDir}}}, "[a a/in b c]"},
		{catalog.Delta{Gone: []string{"a/in"}}, "[a b c]"},
		{catalog.Delta{Gone: []string{"a", "never/was", "b/x"}}, "[b c]"},
		{catalog.Delta{Gone: []string{"b", "c"}}, "[]"},
	} {
		tree := mustApply(t, b, store, step.d)
		got := map[string]catalog.Item{}
		store.Walk(t, tree.Root, "", got)
		if names := fmt.Sprint(slices.Sorted(maps.Keys(got))); names != step.want || len(tree.Dropped) > 0 {
			t.Errorf("step %d: got %s, dropped %q, want %s", i, names, tree.Dropped, step.want)
		}
	}
}

func TestApplyNeedsAll(t *testing.T) {
	store := catalogtest.Objects{}
	b := builderOn(store)
	if _, err := b.Apply(catalog.Delta{}); !errors.Is(err, catalog.ErrNeedAll) {
		t.Errorf("a change of nothing known: %v", err)
	}
	mustBuild(t, b, store, catalogtest.Many(10))
	clear(store)
	if _, err := b.Apply(catalog.Delta{Gone: []string{"dir/file 00001.txt"}}); !errors.Is(err, catalog.ErrNeedAll) {
		t.Errorf("a change of what is lost: %v", err)
	}
	mustBuild(t, b, store, catalogtest.Many(10))
	b.Forget()
	if _, err := b.Apply(catalog.Delta{}); !errors.Is(err, catalog.ErrNeedAll) {
		t.Errorf("a change of what was forgotten: %v", err)
	}
}

func TestApplyMakesTheChangedPath(t *testing.T) {
	var files []catalog.File
	for d := range 100 {
		for f := range 100 {
			files = append(files, catalogtest.File(fmt.Sprintf("d%02d/f%02d", d, f), d*100+f))
		}
	}
	store := catalogtest.Objects{}
	b := builderOn(store)
	mustBuild(t, b, store, files)
	if tree := mustApply(t, b, store, catalog.Delta{Put: []catalog.File{catalogtest.File(files[5050].Path, 77)}}); len(tree.Objects) > 3 {
		t.Errorf("one edit made %d objects", len(tree.Objects))
	}
}
