package catalog

import (
	"encoding/binary"
	"errors"
	"time"
)

// emptyObject is the shard of an empty directory. It is always there.
var (
	emptyObject = appendShard(nil, nil)
	emptyHash   = HashObject(emptyObject)
)

// objectWeight is what an object counts beyond its bytes against the bounds:
// some of what it costs in memory and on disk, so that a flood of tiny objects
// is bounded too.
const objectWeight = 512

// stub is what an object tells that State must know. It is kept on disk.
type stub struct {
	size        int32 // bytes
	own         int32 // entries in the shard itself
	level       uint8
	first, last string // names in the shard
	kids        []Hash // index: its children; shard: its directories' objects
}

// node is an object that is here, or that something refers to.
type node struct {
	hash     Hash
	stub               // while it is here
	sum      sum       // while it is complete
	refs     int32     // kids lists and heads it stands in
	missing  int32     // kids that are not complete
	waiting  []waiting // objects here that wait for it to be complete
	at       []int32   // by kid: one more than where this stands in its waiting; 0: nowhere
	since    time.Time // when it became unused
	here     bool
	complete bool // it and all under it are here and well-formed
	bad      bool // it or something under it is not well-formed
	gone     bool // deleted
	unused   bool // nothing refers to it
	watched  bool // a head waits for it, or did
	settled  bool // a head with it was settled since it came
}

// sum is the tree under an object, whose objects count as often as they are
// named.
type sum struct {
	height  int // of paths, components
	entries int64
	bytes   int64 // sum of the weights
}

// waiting is an object that waits for one of its kids, and which.
type waiting struct {
	n   *node
	kid int32
}

// await notes that n waits for its i-th kid.
func (n *node) await(i int, kid *node) {
	if n.at == nil {
		n.at = make([]int32, len(n.kids))
	}
	kid.waiting = append(kid.waiting, waiting{n, int32(i)})
	n.at[i] = int32(len(kid.waiting))
	n.missing++
}

// forgo notes that n does not wait for its i-th kid, if it did.
func (n *node) forgo(i int, kid *node) {
	if n.at == nil || n.at[i] == 0 {
		return
	}
	last := kid.waiting[len(kid.waiting)-1]
	kid.waiting[n.at[i]-1] = last
	last.n.at[last.kid] = n.at[i]
	kid.cut()
	n.at[i] = 0
	n.missing--
}

// release takes the last of those who wait for n off its list and returns it.
func (n *node) release() *node {
	w := n.waiting[len(n.waiting)-1]
	n.cut()
	w.n.at[w.kid] = 0
	w.n.missing--
	return w.n
}

// cut shortens the list of those who wait by one.
func (n *node) cut() {
	n.waiting[len(n.waiting)-1] = waiting{}
	if n.waiting = n.waiting[:len(n.waiting)-1]; len(n.waiting) == 0 {
		n.waiting = nil
	}
}

// stubOf returns what a decoded object tells.
func stubOf(o *object) stub {
	n := stub{size: int32(o.size), own: int32(len(o.items)), level: uint8(o.level)}
	for i := range o.kids {
		n.kids = append(n.kids, o.kids[i].hash)
	}
	if len(o.items) > 0 {
		n.first, n.last = o.items[0].name, o.items[len(o.items)-1].name
	}
	for i := range o.items {
		if o.items[i].kind == KindDir {
			n.kids = append(n.kids, o.items[i].root)
		}
	}
	return n
}

// weight returns what an object counts against the bounds, in bytes.
func (n *stub) weight() int64 { return int64(n.size) + objectWeight }

// marshal returns a stub for the disk.
func (n *stub) marshal() []byte {
	b := binary.AppendUvarint(nil, uint64(n.size))
	b = binary.AppendUvarint(b, uint64(n.own))
	b = append(b, n.level, uint8(len(n.first)), uint8(len(n.last)))
	b = append(append(b, n.first...), n.last...)
	for i := range n.kids {
		b = append(b, n.kids[i][:]...)
	}
	return b
}

var errNode = errors.New("catalogue store: malformed node")

func unmarshalStub(b []byte) (n stub, err error) {
	size, i := binary.Uvarint(b)
	if i <= 0 || size > MaxObject {
		return stub{}, errNode
	}
	own, j := binary.Uvarint(b[i:])
	b = b[max(i+j, 0):]
	if j <= 0 || own > MaxObject || len(b) < 3 {
		return stub{}, errNode
	}
	n = stub{size: int32(size), own: int32(own), level: b[0]}
	first, last := int(b[1]), int(b[2])
	if b = b[3:]; len(b) < first+last {
		return stub{}, errNode
	}
	n.first, n.last = string(b[:first]), string(b[first:first+last])
	b = b[first+last:]
	if len(b)%len(Hash{}) != 0 {
		return stub{}, errNode
	}
	n.kids = make([]Hash, len(b)/len(Hash{}))
	for i := range n.kids {
		n.kids[i] = Hash(b[i*len(Hash{}):])
	}
	return n, nil
}
