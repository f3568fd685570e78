package hashes

import (
	"p2pfs/swarm/hashing"
)

const (
	// maxJobs bounds the requests of one peer that are being answered: each may
	// have a piece read and hashed.
	maxJobs = 16
	// maxTrees bounds the trees kept for answering.
	maxTrees = 64
)

// Answers is from what requests of peers are answered, and how many at a time.
type Answers struct {
	known *Known
	trees map[int]*hashing.HashTree // by file
	peers map[int]*asker
}

// asker is a peer that has asked.
type asker struct {
	jobs int   // requests that are being answered
	paid int64 // bytes sent to it that it has paid with
}

// Job is a request that is being answered.
type Job struct {
	Tree *hashing.HashTree
	File int
	Paid int64 // bytes of blocks sent to the peer since its last job
}

// NewAnswers returns the answers of a torrent.
func NewAnswers(known *Known) *Answers {
	return &Answers{known: known, trees: map[int]*hashing.HashTree{}, peers: map[int]*asker{}}
}

// Begin takes a request for hashes under a root of a peer to which sent bytes of
// blocks were sent so far. Done is to be called when it is answered. It reports
// false if it is to be rejected: the file's layer is not known, or the peer asks
// for more than it waits for.
func (as *Answers) Begin(peer int, root [32]byte, sent int64) (Job, bool) {
	tree, file := as.tree(root)
	if tree == nil {
		return Job{}, false
	}
	a := as.peers[peer]
	if a == nil {
		a = &asker{}
		as.peers[peer] = a
	}
	if a.jobs >= maxJobs {
		return Job{}, false
	}
	job := Job{tree, file, sent - a.paid}
	a.jobs++
	a.paid = sent
	return job, true
}

// Done tells that a peer's request was answered. The peer may have left.
func (as *Answers) Done(peer int) {
	if a := as.peers[peer]; a != nil {
		a.jobs--
	}
}

// Leave forgets a peer.
func (as *Answers) Leave(peer int) { delete(as.peers, peer) }

// tree is the tree of the file with that root, nil if its layer is not known.
func (as *Answers) tree(root [32]byte) (*hashing.HashTree, int) {
	if !as.known.Info.V2 {
		return nil, 0
	}
	file, ok := as.known.Info.FileByRoot(root)
	if !ok {
		return nil, 0
	}
	if t := as.trees[file]; t != nil {
		return t, file
	}
	t, ok := as.known.Info.Tree(file).HashTree(as.known.Layers[root])
	if !ok {
		return nil, 0
	}
	if len(as.trees) >= maxTrees {
		clear(as.trees)
	}
	as.trees[file] = t
	return t, file
}
