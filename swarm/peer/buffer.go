package peer

import (
	"sync"
	"sync/atomic"

	"p2pfs/swarm/wire"
)

// A Buffer holds one block.
type Buffer struct {
	b [wire.BlockSize]byte
	n int
}

// Bytes is the block.
func (b *Buffer) Bytes() []byte { return b.b[:b.n] }

// A Pool lends Buffers and counts those that are out. The zero Pool is ready;
// it is safe for concurrent use.
type Pool struct {
	pool sync.Pool
	out  atomic.Int64
}

// Get lends a Buffer of n bytes, n at most wire.BlockSize.
func (p *Pool) Get(n int) *Buffer {
	b, _ := p.pool.Get().(*Buffer)
	if b == nil {
		b = new(Buffer)
	}
	b.n = n
	p.out.Add(1)
	return b
}

// Put takes a Buffer back; nobody may use it any more.
func (p *Pool) Put(b *Buffer) {
	p.out.Add(-1)
	p.pool.Put(b)
}

// Out is the number of bytes that are lent.
func (p *Pool) Out() int64 { return p.out.Load() * wire.BlockSize }
