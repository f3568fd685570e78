package metainfo

import (
	"bytes"
	"sort"

	"p2pfs/swarm/hashing"
)

// indexRoots fills byRoot, and refuses equal roots of unlike lengths: one
// layer could not fit both. (A file of one block may share its root with a
// longer one, because leaves and nodes are hashed alike; it has no layer.)
func (in *Info) indexRoots() error {
	n := 0
	for i := range in.Files {
		if !in.Files[i].Root.IsZero() {
			n++
		}
	}
	in.byRoot = make([]int32, 0, n)
	for i := range in.Files {
		if !in.Files[i].Root.IsZero() {
			in.byRoot = append(in.byRoot, int32(i))
		}
	}
	sort.Sort(rootOrder{in})
	for k := 1; k < n; k++ {
		a, b := &in.Files[in.byRoot[k-1]], &in.Files[in.byRoot[k]]
		if a.Root == b.Root && a.Length != b.Length && a.Length > hashing.BlockSize {
			return badInfo("files of %d and %d bytes with the same pieces root", a.Length, b.Length)
		}
	}
	return nil
}

// rootOrder sorts byRoot by root, then length.
type rootOrder struct{ *Info }

func (o rootOrder) Len() int      { return len(o.byRoot) }
func (o rootOrder) Swap(i, j int) { o.byRoot[i], o.byRoot[j] = o.byRoot[j], o.byRoot[i] }
func (o rootOrder) Less(i, j int) bool {
	a, b := &o.Files[o.byRoot[i]], &o.Files[o.byRoot[j]]
	if c := bytes.Compare(a.Root[:], b.Root[:]); c != 0 {
		return c < 0
	}
	return a.Length < b.Length
}

// FileByRoot returns a file that has this pieces root: the longest, where a
// file of one block and a longer one share it.
func (in *Info) FileByRoot(root Hash256) (file int, ok bool) {
	k := sort.Search(len(in.byRoot), func(k int) bool {
		r := &in.Files[in.byRoot[k]].Root
		return bytes.Compare(r[:], root[:]) > 0
	})
	if k == 0 || in.Files[in.byRoot[k-1]].Root != root || root.IsZero() {
		return 0, false
	}
	return int(in.byRoot[k-1]), true
}
