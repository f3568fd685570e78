package store

import (
	"encoding/binary"
	"errors"
	"p2pfs/swarm/catalog"
)

// ObjectWeight is what an object counts beyond its bytes against the bounds:
// some of what it costs in memory and on disk, so that a flood of tiny objects
// is bounded too.
const ObjectWeight = 512

// Stub is what an object tells that State must know. It is kept on disk.
type Stub struct {
	size        int32 // bytes
	Own         int32 // entries in the shard itself
	Level       uint8
	First, Last string         // names in the shard
	Kids        []catalog.Hash // index: its children; shard: its directories' objects
}

// StubOf returns what a decoded object tells.
func StubOf(o *catalog.Object) Stub {
	n := Stub{size: int32(o.Size), Own: int32(len(o.Items)), Level: uint8(o.Level)}
	for i := range o.Kids {
		n.Kids = append(n.Kids, o.Kids[i].Hash)
	}
	if len(o.Items) > 0 {
		n.First, n.Last = o.Items[0].Name, o.Items[len(o.Items)-1].Name
	}
	for i := range o.Items {
		if o.Items[i].Kind == catalog.KindDir {
			n.Kids = append(n.Kids, o.Items[i].Root)
		}
	}
	return n
}

// Weight returns what an object counts against the bounds, in bytes.
func (n *Stub) Weight() int64 { return int64(n.size) + ObjectWeight }

// Marshal returns a stub for the disk.
func (n *Stub) Marshal() []byte {
	b := binary.AppendUvarint(nil, uint64(n.size))
	b = binary.AppendUvarint(b, uint64(n.Own))
	b = append(b, n.Level, uint8(len(n.First)), uint8(len(n.Last)))
	b = append(append(b, n.First...), n.Last...)
	for i := range n.Kids {
		b = append(b, n.Kids[i][:]...)
	}
	return b
}

var ErrNode = errors.New("catalogue store: malformed node")

func UnmarshalStub(b []byte) (n Stub, err error) {
	size, i := binary.Uvarint(b)
	if i <= 0 || size > catalog.MaxObject {
		return Stub{}, ErrNode
	}
	own, j := binary.Uvarint(b[i:])
	b = b[max(i+j, 0):]
	if j <= 0 || own > catalog.MaxObject || len(b) < 3 {
		return Stub{}, ErrNode
	}
	n = Stub{size: int32(size), Own: int32(own), Level: b[0]}
	first, last := int(b[1]), int(b[2])
	if b = b[3:]; len(b) < first+last {
		return Stub{}, ErrNode
	}
	n.First, n.Last = string(b[:first]), string(b[first:first+last])
	b = b[first+last:]
	if len(b)%len(catalog.Hash{}) != 0 {
		return Stub{}, ErrNode
	}
	n.Kids = make([]catalog.Hash, len(b)/len(catalog.Hash{}))
	for i := range n.Kids {
		n.Kids[i] = catalog.Hash(b[i*len(catalog.Hash{}):])
	}
	return n, nil
}
