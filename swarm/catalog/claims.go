package catalog

import (
	"crypto/sha256"
	"strings"
)

// claims tells since when a member has names that others had already when he
// took them. A claim on a path holds for all under it: nothing is had for
// longer than the directory that it is in. Immutable; nil has none.
//
// Times are numbers of State's, of which each head that is shown takes one.
type claims struct {
	root *claimNode
	n    int
}

// claimNode is a leaf of a trie of claims, or a branch.
type claimNode struct {
	key   claimKey
	since uint64
	kids  *[16]*claimNode // nil: a leaf
}

// claimKeyOf returns the key of a path; with a '/' behind it, of all that is
// under that path and not of the path itself.
func claimKeyOf(author Key, path string) claimKey {
	h := sha256.Sum256(append(append(make([]byte, 0, 256), author[:]...), path...))
	return claimKey(h[:])
}

// nibble returns the branch that a key takes at a depth.
func nibble(k *claimKey, depth int) byte { return k[depth/2] >> (4 * (depth % 2)) & 15 }

// get returns the claim on exactly that path; 0: none.
func (c *claims) get(k claimKey) uint64 {
	if c == nil {
		return 0
	}
	n := c.root
	for depth := 0; n != nil && n.kids != nil; depth++ {
		n = n.kids[nibble(&k, depth)]
	}
	if n == nil || n.key != k {
		return 0
	}
	return n.since
}

// set returns c with one claim more, or another.
func (c *claims) set(k claimKey, since uint64) *claims {
	if c == nil {
		c = &claims{}
	}
	root, added := c.root.set(k, since, 0)
	return &claims{root, c.n + added}
}

func (n *claimNode) set(k claimKey, since uint64, depth int) (_ *claimNode, added int) {
	if n == nil {
		return &claimNode{key: k, since: since}, 1
	}
	if n.kids == nil && n.key == k {
		return &claimNode{key: k, since: since}, 0
	}
	branch := &claimNode{kids: new([16]*claimNode)}
	if n.kids == nil {
		branch.kids[nibble(&n.key, depth)] = n
	} else {
		*branch.kids = *n.kids
	}
	at := &branch.kids[nibble(&k, depth)]
	*at, added = (*at).set(k, since, depth+1)
	return branch, added
}

// len returns how many there are.
func (c *claims) len() int {
	if c == nil {
		return 0
	}
	return c.n
}

// since returns since when an author who was first shown at order has a path.
func (c *claims) since(author Key, order uint64, path string) uint64 {
	if c.len() == 0 {
		return order
	}
	t := max(order, c.get(claimKeyOf(author, path)))
	for i := strings.LastIndexByte(path, '/'); i > 0; i = strings.LastIndexByte(path[:i], '/') {
		t = max(t, c.get(claimKeyOf(author, path[:i])), c.get(claimKeyOf(author, path[:i+1])))
	}
	return t
}

// claimLog is the paths on which the latest claims were made. A copy stays as
// it is.
type claimLog struct {
	paths []string
	total int // how many there ever were in this process
}

// maxLog bounds claimLog.paths.
const maxLog = 256

func (l *claimLog) add(path string) {
	if len(l.paths) >= 2*maxLog {
		l.paths = append(make([]string, 0, 2*maxLog), l.paths[maxLog:]...)
	}
	l.paths = append(l.paths, path)
	l.total++
}

// after returns the paths that came after an older version, as far as they are
// remembered.
func (l *claimLog) after(older *claimLog) []string {
	return l.paths[max(len(l.paths)-max(l.total-older.total, 0), 0):]
}
