package kv

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"os"

	"p2pfs/swarm/durable"
)

// bbolt's file, in the byte order of the machine (its internal/common): pages
// that begin with a header, of which 0 and 1 are metas, written in turns.
const (
	pageHeader   = 16 // id 8, flags 2, count 2, overflow 4: pages that follow it
	elementLen   = 16
	bucketHeader = 16 // root page 8, sequence 8
	metaLen      = 64
	metaSum      = 56 // bytes of a meta that its checksum covers

	branchPage   = 0x01
	leafPage     = 0x02
	freeListPage = 0x10
	bucketFlag   = 0x01 // of an element

	magic       = 0xED0CDAED
	fileVersion = 2
	noFreeList  = 1<<64 - 1
)

// meta is what a meta page says.
type meta struct {
	pageSize uint64
	root     uint64 // page of the topmost bucket
	freelist uint64
	high     uint64 // pages from here on are not used yet
	txid     uint64
}

// parseMeta reads a meta behind its page's header.
func parseMeta(b []byte) (m meta, ok bool) {
	n := binary.NativeEndian
	sum := fnv.New64a()
	sum.Write(b[:metaSum])
	if n.Uint32(b) != magic || n.Uint32(b[4:]) != fileVersion || n.Uint64(b[metaSum:]) != sum.Sum64() {
		return m, false
	}
	m = meta{
		pageSize: uint64(n.Uint32(b[8:])), root: n.Uint64(b[16:]), freelist: n.Uint64(b[32:]),
		high: n.Uint64(b[40:]), txid: n.Uint64(b[48:]),
	}
	return m, m.high >= 2 && m.pageSize >= 1024 && m.pageSize <= 64<<10 && m.pageSize&(m.pageSize-1) == 0
}

// readMeta returns the meta that bbolt will go by: the valid one of the latest
// transaction.
func readMeta(f *os.File, size int64) (best meta, err error) {
	found := false
	at := func(off int64) (m meta, ok bool, err error) {
		b := make([]byte, metaLen)
		if _, err := f.ReadAt(b, off+pageHeader); err == io.EOF {
			return m, false, nil
		} else if err != nil {
			return m, false, err
		}
		m, ok = parseMeta(b)
		return m, ok, nil
	}
	for off := int64(0); off < size && off <= 64<<10; off = max(1024, 2*off) {
		m, ok, err := at(off)
		if err != nil {
			return best, err
		}
		if !ok || off != 0 && uint64(off) != m.pageSize {
			continue
		}
		if !found || m.txid > best.txid {
			best, found = m, true
		}
	}
	if !found {
		return best, fmt.Errorf("%w: no valid meta page", ErrDamaged)
	}
	return best, nil
}

// page is a page in memory, with its header.
type page struct {
	flags uint16
	count int
	data  []byte
}

func parsePage(data []byte) page {
	n := binary.NativeEndian
	return page{n.Uint16(data[8:]), int(n.Uint16(data[10:])), data}
}

// whole reports whether a branch or leaf has all of its elements. bbolt writes
// their keys and values without gaps, right behind the table of elements, and
// nothing but zeros behind that, by which a count that lost its bits is known.
func (p page) whole() bool {
	next := pageHeader + p.count*elementLen
	for i := range p.count {
		at, size := pageHeader+i*elementLen, 0
		if at+elementLen > len(p.data) {
			return false
		}
		n, b := binary.NativeEndian, p.data[at:]
		pos := int64(n.Uint32(b))
		if p.flags == leafPage {
			pos, size = int64(n.Uint32(b[4:])), int(n.Uint32(b[12:]))
			size += int(n.Uint32(b[8:]))
		} else {
			size = int(n.Uint32(b[4:]))
		}
		if int64(at)+pos != int64(next) || size < 0 || size > len(p.data)-next {
			return false
		}
		next += size
	}
	return next <= len(p.data) && (p.count > 0 || durable.Blank(p.data[next:]))
}

// element is one of a leaf.
type element struct {
	flags      uint32
	key, value []byte
}

// leaf returns element i, false if it is not all within the page.
func (p page) leaf(i int) (e element, ok bool) {
	at := pageHeader + i*elementLen
	if at+elementLen > len(p.data) {
		return e, false
	}
	n, b := binary.NativeEndian, p.data[at:]
	flags, pos, ksize, vsize := n.Uint32(b), n.Uint32(b[4:]), n.Uint32(b[8:]), n.Uint32(b[12:])
	end := uint64(pos) + uint64(ksize) + uint64(vsize)
	if ksize == 0 || pos < elementLen || end > uint64(len(b)) {
		return e, false
	}
	return element{flags, b[pos : pos+ksize : pos+ksize], b[pos+ksize : end : end]}, true
}

// branch returns element i: its key and page.
func (p page) branch(i int) (key []byte, child uint64, ok bool) {
	at := pageHeader + i*elementLen
	if at+elementLen > len(p.data) {
		return nil, 0, false
	}
	n, b := binary.NativeEndian, p.data[at:]
	pos, ksize := n.Uint32(b), n.Uint32(b[4:])
	if ksize == 0 || pos < elementLen || uint64(pos)+uint64(ksize) > uint64(len(b)) {
		return nil, 0, false
	}
	return b[pos : pos+ksize : pos+ksize], n.Uint64(b[8:]), true
}

// freeIDs returns the page numbers of a free list, of 8 bytes each. Where there
// are too many for the header's count, the first one is it.
func (p page) freeIDs() (ids []byte, ok bool) {
	ids, n := p.data[pageHeader:], uint64(p.count)
	if n == 0xFFFF {
		n, ids = binary.NativeEndian.Uint64(ids), ids[8:]
	}
	if n > uint64(len(ids))/8 {
		return nil, false
	}
	return ids[:8*n], true
}
