package metainfo

import (
	"bytes"
	"sort"

	"p2pfs/swarm/hashing"
)

// roots finds the files of a torrent by their pieces roots.
type roots struct {
	files []File
	order []int32 // indexes of files with a Root, by root, then length
}

// newRoots refuses equal roots of unlike lengths: one layer could not fit
// both. (A file of one block may share its root with a longer one, because
// leaves and nodes are hashed alike; it has no layer.)
func newRoots(files []File) (roots, error) {
	n := 0
	for i := range files {
		if !files[i].Root.IsZero() {
			n++
		}
	}
	r := roots{files, make([]int32, 0, n)}
	for i := range files {
		if !files[i].Root.IsZero() {
			r.order = append(r.order, int32(i))
		}
	}
	sort.Sort(r)
	for k := 1; k < n; k++ {
		a, b := r.at(k-1), r.at(k)
		if a.Root == b.Root && a.Length != b.Length && a.Length > hashing.BlockSize {
			return r, badInfo("files of %d and %d bytes with the same pieces root", a.Length, b.Length)
		}
	}
	return r, nil
}

func (r roots) at(k int) *File { return &r.files[r.order[k]] }

func (r roots) Len() int      { return len(r.order) }
func (r roots) Swap(i, j int) { r.order[i], r.order[j] = r.order[j], r.order[i] }
func (r roots) Less(i, j int) bool {
	a, b := r.at(i), r.at(j)
	if c := bytes.Compare(a.Root[:], b.Root[:]); c != 0 {
		return c < 0
	}
	return a.Length < b.Length
}

// distinct calls f with a file of each root and length.
func (r roots) distinct(f func(file int)) {
	for k, i := range r.order {
		if k > 0 && r.at(k-1).Root == r.at(k).Root && r.at(k-1).Length == r.at(k).Length {
			continue
		}
		f(int(i))
	}
}

// FileByRoot returns a file that has this pieces root: the longest, where a
// file of one block and a longer one share it.
func (in *Info) FileByRoot(root Hash256) (file int, ok bool) {
	r := in.roots
	k := sort.Search(len(r.order), func(k int) bool { return bytes.Compare(r.at(k).Root[:], root[:]) > 0 })
	if k == 0 || r.at(k-1).Root != root {
		return 0, false
	}
	return int(r.order[k-1]), true
}
