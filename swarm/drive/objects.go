package drive

import (
	"context"
	"slices"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/gather"
	"p2pfs/swarm/guard"
)

// Object returns an object by its hash: a tiny file, whose pieces root it is.
// It asks the members until one has it or ctx ends; holders are those who
// probably do, and are asked first. The bytes must not be changed.
func (d *Drive) Object(ctx context.Context, h catalog.Hash, holders ...catalog.Key) ([]byte, error) {
	if f := d.cfg.Object; f != nil {
		if data, ok := f(h); ok {
			return data, nil
		}
	}
	if data, err := d.cfg.Store.Object(h); err == nil {
		return data, nil
	}
	result := make(chan []byte, 1)
	await := asking{func(l *loop) { l.await(h, result, holders) }, func(error) { offer(result, nil) }}
	if err := d.post(ctx, await); err != nil {
		return nil, err
	}
	select {
	case data := <-result:
		if data == nil {
			return nil, guard.ErrPanic
		}
		return data, nil
	case <-d.ctx.Done():
		return nil, ErrClosed
	case <-ctx.Done():
		d.post(d.ctx, call(func(l *loop) { l.unawait(h, result) }))
		return nil, ctx.Err()
	}
}

func (l *loop) await(h catalog.Hash, result chan<- []byte, holders []catalog.Key) {
	l.waiting[h] = append(l.waiting[h], result)
	var hints []int
	for _, k := range holders {
		hints = append(hints, l.idOf(k))
	}
	l.fetch.Want(h, hints...)
}

func (l *loop) unawait(h catalog.Hash, result chan<- []byte) {
	list := slices.DeleteFunc(l.waiting[h], func(c chan<- []byte) bool { return c == result })
	if l.waiting[h] = list; len(list) > 0 {
		return
	}
	delete(l.waiting, h)
	if !l.state.Needs(h) {
		l.fetch.Drop(h)
	}
}

// wantFor fetches what an author's newest catalogue lacks.
func (l *loop) wantFor(author catalog.Key, from ...int) {
	l.wantList(author, l.state.Missing(author), from...)
}

// wantList fetches some objects of an author's newest catalogue. He has them, if
// he is connected; else from probably do, of whom one may have passed on the head
// only to be asked.
func (l *loop) wantList(author catalog.Key, list []catalog.Hash, from ...int) {
	if id := l.idOf(author); id >= 0 {
		from = []int{id}
	}
	l.fetch.WantFor(author, l.state.Authors.Group(author), list, from...)
}

// dropUnneeded gives up objects of catalogues that were replaced or refused
// while they were fetched.
func (l *loop) dropUnneeded() {
	l.fetch.DropUnless(func(h catalog.Hash) bool {
		_, awaited := l.waiting[h]
		return awaited || l.state.Needs(h)
	})
}

// request sends the gets that are due.
func (l *loop) request() {
	for _, k := range l.fetch.Feed() {
		l.wantFor(k)
	}
	if l.fetch.Len() == 0 {
		return
	}
	for _, q := range l.fetch.Assign(time.Now()) {
		l.byID[q.Member].send(message.Get{Hashes: q.Hashes})
	}
}

func (l *loop) onObject(c *conn, h catalog.Hash, data []byte, now time.Time) {
	authors, asked := l.fetch.Got(c.id, h)
	if !asked {
		l.unasked(c, len(data), now)
		return
	}
	c.net.Useful(len(data), now)
	for _, result := range l.waiting[h] {
		result <- data // has room for one, and gets one
	}
	delete(l.waiting, h)
	if l.state.Needs(h) {
		p := l.state.PutObject(data, l.d.cfg.Now())
		for _, k := range authors {
			l.wantList(k, p.Missing, c.id)
		}
	}
}

func (l *loop) onNone(c *conn, m message.None, now time.Time) {
	for _, h := range m.Hashes {
		if !l.fetch.None(c.id, h) {
			l.unasked(c, len(h), now)
		}
	}
}

// unasked counts bytes that a member sent without having been asked.
func (l *loop) unasked(c *conn, n int, now time.Time) {
	if c.unasked += n + 64; c.unasked > maxUnaskedData {
		l.remove(c, gather.ErrFlood)
	}
}
