package peer

import (
	"fmt"
	"net"
	"sync"
	"time"

	"p2pfs/swarm/wire"
)

// uploadBatch is how many blocks are sent by one write, and read by one call
// where they follow one another: what a choke can no longer take back, and what
// stays in a core's cache in between. (Measured against sendfile, which costs
// more for blocks of 16 KiB, each behind a header.)
const uploadBatch = 16

// maxHead is what a block may need besides itself: a header or a reject.
const maxHead = wire.PrefixLen + 1 + 12

// spare are outgoings that no writer needs now: an idle connection holds none.
var spare = sync.Pool{New: func() any { return new(outgoing) }}

// outgoing is what one write sends: the control messages, then blocks and their
// headers.
type outgoing struct {
	heads []byte      // control messages, headers, rejects
	data  []byte      // blocks
	parts net.Buffers // of both, in their order
	sized int         // bytes of blocks in parts
}

// send writes control messages first, so that no have and no choke waits
// behind data.
func (w *writer) send() error {
	o := spare.Get().(*outgoing)
	defer spare.Put(o)
	o.parts, o.sized = o.parts[:0], 0
	// Room for all, so that what parts point to does not move.
	o.heads = append(grown(o.heads, len(w.control)+len(w.blocks)*maxHead), w.control...)
	total := 0
	for _, b := range w.blocks {
		total += b.Length
	}
	o.data = grown(o.data, total)
	o.add(o.heads)
	for left := w.blocks; len(left) > 0; {
		n, size := together(left)
		if err := w.run(o, left[:n], size); err != nil {
			return err
		}
		left = left[n:]
	}
	w.Net.SetWriteDeadline(time.Now().Add(writeTimeout))
	if err := w.writeAll(o.parts); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	w.sent.Add(int64(o.sized))
	if w.limit.limiter != nil {
		w.limit.granted -= o.sized
	}
	return nil
}

// writeAll writes parts, which it uses up.
func (w *writer) writeAll(parts net.Buffers) error {
	if w.vec != nil {
		return w.vec.write(parts)
	}
	_, err := parts.WriteTo(w.Net)
	return err
}

// grown is b emptied, with room for n bytes.
func grown(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, 0, n)
	}
	return b[:0]
}

// add appends a part.
func (o *outgoing) add(p []byte) {
	if len(p) > 0 {
		o.parts = append(o.parts, p)
	}
}

// head appends messages, which add writes behind heads.
func (o *outgoing) head(add func(dst []byte) []byte) {
	start := len(o.heads)
	o.heads = add(o.heads)
	o.add(o.heads[start:])
}

// together is how many of the blocks follow one another in a piece without a
// gap, and their bytes.
func together(blocks []wire.Block) (n, size int) {
	for n < len(blocks) && blocks[n].Index == blocks[0].Index && blocks[n].Begin == blocks[0].Begin+size {
		size += blocks[n].Length
		n++
	}
	return n, size
}

// run adds blocks that follow one another. What is not there any more is
// rejected.
func (w *writer) run(o *outgoing, blocks []wire.Block, size int) error {
	at := len(o.data)
	o.data = o.data[:at+size]
	first := blocks[0]
	first.Length = size
	if err := w.Source.ReadBlock(o.data[at:], first); err != nil {
		if len(blocks) == 1 {
			return w.missing(o, first, err)
		}
		o.data = o.data[:at]
		for _, b := range blocks { // some may be there
			if err := w.run(o, []wire.Block{b}, b.Length); err != nil {
				return err
			}
		}
		return nil
	}
	for _, b := range blocks {
		o.head(func(dst []byte) []byte { return wire.AppendPieceHeader(dst, b.Index, b.Begin, b.Length) })
		o.add(o.data[at : at+b.Length])
		at += b.Length
	}
	o.sized += size
	return nil
}

// missing adds a reject for a block that could not be read (BEP 6).
func (w *writer) missing(o *outgoing, b wire.Block, err error) error {
	if !w.Fast {
		return fmt.Errorf("upload: %w", err)
	}
	o.head(func(dst []byte) []byte { return wire.AppendReject(dst, b) })
	return nil
}
