package catalog

import (
	"encoding/binary"
	"errors"
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
