package state

import (
	"fmt"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/catalogtest"
	"p2pfs/swarm/catalog/union"
	"testing"
)

// BenchmarkDelta touches one file of many, from the change to what a member shows
// of it: the objects are made and published, a member takes them in, makes a view
// and compares it with the last. What it costs must not depend on how many there
// are, nor on how many are in one directory.
func BenchmarkDelta(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		for _, dirs := range []int{1, 100} {
			b.Run(fmt.Sprintf("%d files in %d", n, dirs), func(b *testing.B) {
				author, member := newPeer(b, 1, "author"), newPeer(b, 2, "member")
				files := make([]catalog.File, n)
				for i := range files {
					files[i] = catalogtest.File(fmt.Sprintf("d%d/file %06d.jpg", i%dirs, i), i)
				}
				author.share(files...)
				member.hear(author)
				bytes := 0
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					f := catalogtest.File(files[i*7919%n].Path, 2_000_000+i)
					before := member.View()
					author.publish(catalog.Delta{Put: []catalog.File{f}})
					for _, data := range author.objs {
						bytes += len(data)
					}
					member.hear(author)
					changes, err := union.Diff(before, member.View())
					if err != nil || len(changes) == 0 {
						b.Fatal(changes, err)
					}
				}
				b.ReportMetric(float64(bytes)/float64(b.N), "sent-B/op")
			})
		}
	}
}
