package peer

import (
	"sync"
	"sync/atomic"

	"p2pfs/swarm/hashing"
)

// A Buffer holds one block. Whoever keeps it beyond a call retains it and
// releases it once.
type Buffer struct {
	b    []byte // of hashing.BlockSize, at a page's beginning: copied faster by the kernel
	n    int
	refs atomic.Int32
	pool *Pool
}

// Bytes is the block.
func (b *Buffer) Bytes() []byte { return b.b[:b.n] }

// Retain adds a holder.
func (b *Buffer) Retain() { b.refs.Add(1) }

// Release takes a holder away; the last one gives the Buffer back.
func (b *Buffer) Release() {
	if b.refs.Add(-1) == 0 {
		b.pool.out.Add(-1)
		b.pool.pool.Put(b)
	}
}

// A Pool lends Buffers and counts those that are out. The zero Pool is ready;
// it is safe for concurrent use.
type Pool struct {
	pool sync.Pool
	out  atomic.Int64
}

// Get lends a Buffer of n bytes, n at most hashing.BlockSize, with one holder.
func (p *Pool) Get(n int) *Buffer {
	b, _ := p.pool.Get().(*Buffer)
	if b == nil {
		b = &Buffer{b: make([]byte, hashing.BlockSize), pool: p}
	}
	b.n = n
	b.refs.Store(1)
	p.out.Add(1)
	return b
}

// Out is the number of bytes that are lent.
func (p *Pool) Out() int64 { return p.out.Load() * hashing.BlockSize }
