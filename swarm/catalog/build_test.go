package catalog

import (
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"testing"
	"time"

	"p2pfs/swarm/names"
)

// builderOn returns a builder that keeps what it makes in o.
func builderOn(o objects) *Builder { return NewBuilder(o.read) }

// mustApply applies a change and keeps the objects, as whoever publishes does.
func mustApply(t testing.TB, b *Builder, o objects, d Delta) Tree {
	t.Helper()
	tree, err := b.Apply(d)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(o, tree.Objects)
	return tree
}

func mustBuild(t testing.TB, b *Builder, o objects, files []File) Tree {
	t.Helper()
	return mustApply(t, b, o, Delta{All: true, Put: files})
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
	tree := mustBuild(t, builderOn(store), store, files)
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
	tree := mustBuild(t, builderOn(store), store, files)
	got := map[string]item{}
	store.walk(t, tree.Root, "", got)
	if len(got) != 3 || got["twice"].size != 2 || got["both/x"].size != 3 {
		t.Errorf("got %v", got)
	}
	if len(tree.Dropped) != len(files)-2 {
		t.Errorf("dropped %d of %d: %q", len(tree.Dropped), len(files), tree.Dropped)
	}
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
	return mustBuild(t, builderOn(o), o, files), o
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

// TestApplyIsAFunctionOfWhatIsShared makes random changes, small and large, and
// compares with what a new builder makes of the whole.
func TestApplyIsAFunctionOfWhatIsShared(t *testing.T) {
	for seed := range int64(20) {
		rng := rand.New(rand.NewSource(seed))
		store := objects{}
		b := builderOn(store)
		shared := map[string]File{}
		for _, f := range many(1 + rng.Intn(3000)) {
			shared[f.Path] = f
		}
		mustBuild(t, b, store, slices.Collect(maps.Values(shared)))
		for round := range 20 {
			got := mustApply(t, b, store, randomDelta(rng, shared, 1+rng.Intn(1+rng.Intn(200))))
			fresh := objects{}
			want := mustBuild(t, builderOn(fresh), fresh, slices.Collect(maps.Values(shared)))
			if got.Root != want.Root || got.Files != want.Files || got.Bytes != want.Bytes || len(got.Dropped) > 0 {
				t.Fatalf("seed %d, round %d: changes made %v %d %d %q, all at once %v %d %d",
					seed, round, got.Root, got.Files, got.Bytes, got.Dropped, want.Root, want.Files, want.Bytes)
			}
			items := map[string]item{}
			store.walk(t, got.Root, "", items)
		}
	}
}

// randomDelta changes what is shared, and tells how.
func randomDelta(rng *rand.Rand, shared map[string]File, n int) (d Delta) {
	paths := slices.Sorted(maps.Keys(shared))
	touched := map[string]bool{}
	run := rng.Intn(2) == 0 // beside each other
	at := rng.Intn(len(paths) + 1)
	for i := range n {
		if !run {
			at = rng.Intn(len(paths) + 1)
		}
		var f File
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
			f = File{Path: fmt.Sprintf("dir/sub%d", rng.Intn(9)), Kind: KindDir, MTime: time.Unix(rng.Int63n(3), 0)}
		default:
			f = file(fmt.Sprintf("dir/sub%d/e%d/%0*d", rng.Intn(9), rng.Intn(4), 1+rng.Intn(200), rng.Intn(99)), rng.Intn(1000)+i)
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
	store := objects{}
	b := builderOn(store)
	mustBuild(t, b, store, []File{file("a", 1), file("b/x", 2), file("b/y", 3), {Path: "c", Kind: KindDir}})
	for i, step := range []struct {
		d    Delta
		want string
	}{
		{Delta{Gone: []string{"a"}, Put: []File{file("a/in", 4)}}, "[a a/in b b/x b/y c]"},
		{Delta{Gone: []string{"b/x", "b/y"}, Put: []File{file("b", 5)}}, "[a a/in b c]"},
		{Delta{Gone: []string{"c"}, Put: []File{{Path: "c", Kind: KindSymlink, Target: "b"}}}, "[a a/in b c]"},
		{Delta{Put: []File{{Path: "a", Kind: KindDir}}}, "[a a/in b c]"},
		{Delta{Gone: []string{"a/in"}}, "[a b c]"},
		{Delta{Gone: []string{"a", "never/was", "b/x"}}, "[b c]"},
		{Delta{Gone: []string{"b", "c"}}, "[]"},
	} {
		tree := mustApply(t, b, store, step.d)
		got := map[string]item{}
		store.walk(t, tree.Root, "", got)
		if names := fmt.Sprint(slices.Sorted(maps.Keys(got))); names != step.want || len(tree.Dropped) > 0 {
			t.Errorf("step %d: got %s, dropped %q, want %s", i, names, tree.Dropped, step.want)
		}
	}
}

func TestApplyNeedsAll(t *testing.T) {
	store := objects{}
	b := builderOn(store)
	if _, err := b.Apply(Delta{}); !errors.Is(err, ErrNeedAll) {
		t.Errorf("a change of nothing known: %v", err)
	}
	mustBuild(t, b, store, many(10))
	clear(store)
	if _, err := b.Apply(Delta{Gone: []string{"dir/file 00001.txt"}}); !errors.Is(err, ErrNeedAll) {
		t.Errorf("a change of what is lost: %v", err)
	}
	mustBuild(t, b, store, many(10))
	b.Forget()
	if _, err := b.Apply(Delta{}); !errors.Is(err, ErrNeedAll) {
		t.Errorf("a change of what was forgotten: %v", err)
	}
}

func TestApplyMakesTheChangedPath(t *testing.T) {
	var files []File
	for d := range 100 {
		for f := range 100 {
			files = append(files, file(fmt.Sprintf("d%02d/f%02d", d, f), d*100+f))
		}
	}
	store := objects{}
	b := builderOn(store)
	mustBuild(t, b, store, files)
	if tree := mustApply(t, b, store, Delta{Put: []File{file(files[5050].Path, 77)}}); len(tree.Objects) > 3 {
		t.Errorf("one edit made %d objects", len(tree.Objects))
	}
}
