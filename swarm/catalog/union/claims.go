package union

import (
	"crypto/sha256"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/store"
	"strings"
)

// Claims tells since when a member has names that others had already when he
// took them. A claim on a path holds for all under it: nothing is had for
// longer than the directory that it is in. Immutable; nil has none.
//
// Times are numbers of State's, of which each head that is shown takes one.
type Claims struct {
	Root *ClaimNode
	n    int
}

// ClaimNode is a leaf of a trie of claims, or a branch.
type ClaimNode struct {
	Key   store.ClaimKey
	since uint64
	Kids  *[16]*ClaimNode // nil: a leaf
}

// ClaimKeyOf returns the key of a path; with a '/' behind it, of all that is
// under that path and not of the path itself.
func ClaimKeyOf(author catalog.Key, path string) store.ClaimKey {
	h := sha256.Sum256(append(append(make([]byte, 0, 256), author[:]...), path...))
	return store.ClaimKey(h[:])
}

// nibble returns the branch that a key takes at a depth.
func nibble(k *store.ClaimKey, depth int) byte { return k[depth/2] >> (4 * (depth % 2)) & 15 }

// Get returns the claim on exactly that path; 0: none.
func (c *Claims) Get(k store.ClaimKey) uint64 {
	if c == nil {
		return 0
	}
	n := c.Root
	for depth := 0; n != nil && n.Kids != nil; depth++ {
		n = n.Kids[nibble(&k, depth)]
	}
	if n == nil || n.Key != k {
		return 0
	}
	return n.since
}

// Set returns c with one claim more, or another.
func (c *Claims) Set(k store.ClaimKey, since uint64) *Claims {
	if c == nil {
		c = &Claims{}
	}
	root, added := c.Root.set(k, since, 0)
	return &Claims{root, c.n + added}
}

func (n *ClaimNode) set(k store.ClaimKey, since uint64, depth int) (_ *ClaimNode, added int) {
	if n == nil {
		return &ClaimNode{Key: k, since: since}, 1
	}
	if n.Kids == nil && n.Key == k {
		return &ClaimNode{Key: k, since: since}, 0
	}
	branch := &ClaimNode{Kids: new([16]*ClaimNode)}
	if n.Kids == nil {
		branch.Kids[nibble(&n.Key, depth)] = n
	} else {
		*branch.Kids = *n.Kids
	}
	at := &branch.Kids[nibble(&k, depth)]
	*at, added = (*at).set(k, since, depth+1)
	return branch, added
}

// Len returns how many there are.
func (c *Claims) Len() int {
	if c == nil {
		return 0
	}
	return c.n
}

// since returns since when an author who was first shown at order has a path.
func (c *Claims) since(author catalog.Key, order uint64, path string) uint64 {
	if c.Len() == 0 {
		return order
	}
	t := max(order, c.Get(ClaimKeyOf(author, path)))
	for i := strings.LastIndexByte(path, '/'); i > 0; i = strings.LastIndexByte(path[:i], '/') {
		t = max(t, c.Get(ClaimKeyOf(author, path[:i])), c.Get(ClaimKeyOf(author, path[:i+1])))
	}
	return t
}

// ClaimLog is the paths on which the latest claims were made. A copy stays as
// it is.
type ClaimLog struct {
	paths []string
	total int // how many there ever were in this process
}

// maxLog bounds claimLog.paths.
const maxLog = 256

func (l *ClaimLog) Add(path string) {
	if len(l.paths) >= 2*maxLog {
		l.paths = append(make([]string, 0, 2*maxLog), l.paths[maxLog:]...)
	}
	l.paths = append(l.paths, path)
	l.total++
}

// after returns the paths that came after an older version, as far as they are
// remembered.
func (l *ClaimLog) after(older *ClaimLog) []string {
	return l.paths[max(len(l.paths)-max(l.total-older.total, 0), 0):]
}
