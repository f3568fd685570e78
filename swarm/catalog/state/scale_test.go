package state

import (
	"fmt"
	"os"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/catalogtest"
	"p2pfs/swarm/catalog/union"
	"runtime"
	"testing"
	"time"
)

// TestScale tells how a drive of a million files and a directory of 60 000 do.
// It takes half a minute, so that it runs only when asked for.
func TestScale(t *testing.T) {
	if os.Getenv("P2PFS_SCALE") == "" {
		t.Skip("set P2PFS_SCALE=1 to run it")
	}
	step := func(what string, f func()) {
		start := time.Now()
		f()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		t.Logf("%-40s %10v  heap %d MiB", what, time.Since(start).Round(time.Microsecond), m.HeapAlloc>>20)
	}
	self := newPeer(t, 1, "me")
	const authors, each = 3, 333_333
	for i := range authors {
		p := newPeer(t, 2+i, fmt.Sprintf("m%d", i))
		files := make([]catalog.File, each)
		for j := range files {
			dir := fmt.Sprintf("d%03d/e%d", j%500, j%7)
			if j < 60_000 {
				dir = "big"
			}
			files[j] = catalogtest.File(fmt.Sprintf("%s/m%d file %06d.jpg", dir, i%2, j), j)
		}
		step("publish", func() { p.share(files...) })
		step("publish again, one file changed", func() {
			files[5] = catalogtest.File(files[5].Path, 2_000_000)
			p.share(files...)
		})
		step("fetch", func() { t.Logf("%d objects", self.hear(p)) })
		step("flush", func() { self.store.Flush() })
		old := self.View()
		files[6] = catalogtest.File(files[6].Path, 2_000_001)
		p.share(files...)
		step("fetch one change", func() { self.hear(p) })
		step("diff of it", func() { union.Diff(old, self.View()) })
	}
	t.Logf("%d objects, %d MiB", len(self.objects.nodes), self.objects.held>>20)
	v := self.View()
	step("first lookup in 60 000", func() { v.Lookup("big/m1 file 000777.jpg") })
	step("second lookup", func() { v.Lookup("big/m1 file 040777.jpg") })
	step("readdir of it", func() { list, _ := v.ReadDir("big"); t.Log(len(list)) })
	step("readdir again", func() { v.ReadDir("big") })
	step("1000 lookups", func() {
		for i := range 1000 {
			v.Lookup(fmt.Sprintf("big/m1 file %06d.jpg", i))
		}
	})
	step("walk of all", func() { t.Log(len(walkView(t, v))) })
	step("restart", func() { self.restart() })
	step("first lookup", func() { self.View().Lookup("d001/e1/m0 file 060001.jpg") })
}
