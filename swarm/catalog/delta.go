package catalog

import "errors"

// Delta is a change of what a member publishes, which is files by path.
type Delta struct {
	All  bool     // Put is all there is from now on
	Put  []File   // new, or instead of what was at their paths
	Gone []string // paths that are no more; taken before Put. What is not there is passed over
}

// ErrNeedAll is a Delta that was not taken because what it changes is not known:
// one of All has to come first.
var ErrNeedAll = errors.New("all that is shared has to be told")

// Tree is a catalogue as built: what its head will tell, what was left out of
// the last Delta, and the objects that came with it.
type Tree struct {
	Root    Hash
	Files   int64           // files and symlinks, a count
	Bytes   int64           // sum of the files' sizes
	Dropped []string        // paths no catalogue may hold: bad names, too deep, there twice; the first 100
	Objects map[Hash][]byte // all that may be new
}
