package catalog

import (
	"fmt"
	"testing"
)

// TestBuildKeepsOneList changes one directory after the other: those that stay
// the same must not keep the lists of earlier Builds, each as long as all that
// is shared.
func TestBuildKeepsOneList(t *testing.T) {
	b := NewBuilder(func(Hash, []byte) error { return nil })
	var files []File
	for i := range 60 {
		files = append(files, file(fmt.Sprintf("d%d/e%d/f%d", i%5, i%3, i), i))
	}
	files = append(files, File{Path: "d1", Kind: KindDir}, File{Path: "d2/e0", Kind: KindDir})
	for round := range 8 {
		files[round].Size++
		if _, err := b.Build(files); err != nil {
			t.Fatal(err)
		}
		if n := oneList(t, b.last, b.last.list); n != 21 {
			t.Errorf("%d directories, want 21", n)
		}
	}
}

// oneList checks that the lists of d and all under it are parts of all.
func oneList(t *testing.T, d *built, all []entry) (dirs int) {
	t.Helper()
	if len(d.list) > 0 {
		if at := cap(all) - cap(d.list); at < 0 || at >= len(all) || &all[at] != &d.list[0] {
			t.Errorf("%s: a list of its own", d.list[0].path)
		}
	}
	for _, sub := range d.dirs {
		dirs += oneList(t, sub, all)
	}
	return dirs + 1
}
