package catalog

import (
	"crypto/sha256"
	"maps"
	"slices"
	"strings"
)

// claimKey stands for a path: a part of its SHA-256, which is shorter than
// most and of one length.
type claimKey [16]byte

func claimKeyOf(path string) claimKey {
	h := sha256.Sum256([]byte(path))
	return claimKey(h[:])
}

// maxClaims bounds how many are kept.
const maxClaims = 1 << 20

// claims tells who had a path first where that is not who was shown first of
// all. A claim holds for everything under its path where none deeper says
// otherwise, and among members of one class only. Frozen ones are immutable;
// edit makes one that may be changed, by one goroutine, until it is frozen.
type claims struct {
	base  map[claimKey]Key
	delta map[claimKey]Key // changes of base; the zero Key: dropped
	edits map[claimKey]Key // changes of delta; nil when frozen

	log   []string // paths of the latest edits
	total int      // how many edits there ever were in this process
}

// maxLog bounds claims.log.
const maxLog = 256

func newClaims() *claims { return &claims{base: make(map[claimKey]Key)} }

func (c *claims) edit() *claims {
	return &claims{base: c.base, delta: c.delta, edits: make(map[claimKey]Key), log: slices.Clip(c.log), total: c.total}
}

// set changes the claim on a path; the zero Key drops it.
func (c *claims) set(path string, holder Key) {
	c.edits[claimKeyOf(path)] = holder
	c.log = append(c.log, path)
	c.total++
}

// since returns the paths of the edits that led from an older version to c, as
// far as they are remembered.
func (c *claims) since(older *claims) []string {
	return c.log[max(len(c.log)-max(c.total-older.total, 0), 0):]
}

// get returns the claim on exactly that path, or the zero Key.
func (c *claims) get(k claimKey) Key {
	if holder, ok := c.edits[k]; ok {
		return holder
	}
	if holder, ok := c.delta[k]; ok {
		return holder
	}
	return c.base[k]
}

func (c *claims) none() bool { return len(c.base)+len(c.delta)+len(c.edits) == 0 }

// freeze returns claims with the edits in them: was itself if there are none.
func (c *claims) freeze(was *claims) *claims {
	if len(c.edits) == 0 {
		return was
	}
	f := &claims{
		base: c.base, delta: make(map[claimKey]Key, len(c.delta)+len(c.edits)),
		log: c.log[max(len(c.log)-maxLog, 0):], total: c.total,
	}
	maps.Copy(f.delta, c.delta)
	maps.Copy(f.delta, c.edits)
	if len(f.delta) < 64+len(f.base)/8 {
		return f
	}
	f.base = maps.Clone(f.base)
	for k, holder := range f.delta {
		if holder == (Key{}) {
			delete(f.base, k)
		} else {
			f.base[k] = holder
		}
	}
	f.delta = nil
	return f
}

// promote moves the source that holds a claim on dir/name to the front of
// group, if it is of the same class as what stands there.
func (c *claims) promote(dir, name string, group []source) {
	if c.none() {
		return
	}
	for path := join(dir, name); path != ""; path = path[:max(strings.LastIndexByte(path, '/'), 0)] {
		holder := c.get(claimKeyOf(path))
		if holder == (Key{}) {
			continue
		}
		for i, src := range group {
			if src.who.class != group[0].who.class {
				break
			}
			if src.who.key == holder {
				copy(group[1:i+1], group[:i])
				group[0] = src
				return
			}
		}
	}
}
