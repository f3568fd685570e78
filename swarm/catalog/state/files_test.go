package state

import (
	"fmt"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/catalogtest"
	"p2pfs/swarm/catalog/union"
	"slices"
	"testing"
)

// TestEachFile lists the files of two catalogues, then only what is new.
func TestEachFile(t *testing.T) {
	self, anna, bob := trio(t)
	anna.share(catalogtest.File("a/x", 1), catalogtest.File("b/x", 1), catalog.File{Path: "empty"}, catalog.File{Path: "l", Kind: catalog.KindSymlink, Target: "a/x"})
	self.hear(anna)
	known := map[catalog.Hash]struct{}{}
	each := func() (list []string) {
		t.Helper()
		err := self.View().EachFile(known, func(n union.Named) { list = append(list, n.Name) })
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(list)
		return list
	}
	if got := each(); !slices.Equal(got, []string{"x"}) { // a and b are one object
		t.Errorf("got %q", got)
	}
	bob.share(append(catalogtest.Many(10_000), catalogtest.File("new", 9))...)
	self.hear(bob)
	if got := each(); len(got) != 10_001 {
		t.Errorf("got %d files, want 10 001", len(got))
	}
	if got := each(); len(got) != 0 {
		t.Errorf("nothing is new, got %q", got)
	}
}

// TestEachFileOfABomb has a few objects name thousands of paths.
func TestEachFileOfABomb(t *testing.T) {
	self, anna, _ := trio(t)
	var files []catalog.File
	for i := range 20 { // all directories are alike
		for j := range 20 {
			for k := range 20 {
				files = append(files, catalogtest.File(fmt.Sprintf("%d/%d/%d", i, j, k), k))
			}
		}
	}
	anna.share(files...)
	self.hear(anna)
	n := 0
	if err := self.View().EachFile(map[catalog.Hash]struct{}{}, func(union.Named) { n++ }); err != nil || n != 20 {
		t.Errorf("%d files of %d were looked at, %v; want 20", n, len(files), err)
	}
}
