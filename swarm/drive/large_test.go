package drive

import (
	"fmt"
	"testing"
	"time"

	"p2pfs/swarm/catalog"
)

// A drive of 100 000 files is seen whole by a newcomer.
func TestLargeCatalogueIsSeen(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		a, b := pipeMember(t, p, 1), pipeMember(t, p, 2)
		var files []catalog.File
		for i := range 100_000 {
			files = append(files, file(fmt.Sprintf("d%05d/file-%07d.txt", i/100, i), i))
		}
		a.share(files...)
		b.join(a)
		for wait := 0; !b.has("d00999/file-0099999.txt"); wait++ {
			if wait == 60 {
				t.Fatal("not seen within a minute")
			}
			time.Sleep(time.Second)
		}
	})
}
