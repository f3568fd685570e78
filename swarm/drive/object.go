package drive

import (
	"context"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/drive/objects"
	"p2pfs/swarm/gather"
	"p2pfs/swarm/guard"
)

// Object returns an object by its hash: a tiny file, whose pieces root it is.
// It asks the members until one has it or ctx ends; holders are those who
// probably do, and are asked first. The bytes must not be changed.
func (d *Drive) Object(ctx context.Context, h catalog.Hash, holders ...catalog.Key) ([]byte, error) {
	if data, ok := d.cfg.Files.Object(h); ok {
		return data, nil
	}
	if data, err := d.cfg.Store.Object(h); err == nil {
		return data, nil
	}
	result := make(chan []byte, 1)
	var wait *objects.Wait // the loop's
	await := asking{func(l *loop) {
		wait = l.objects.Await(h, holders, func(data []byte) { result <- data }) // has room for one, and gets one
	}, func(error) { offer(result, nil) }}
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
		d.post(d.ctx, call(func(l *loop) {
			if wait != nil {
				l.objects.Cancel(wait)
			}
		}))
		return nil, ctx.Err()
	}
}

func (l *loop) onObject(c *conn, h catalog.Hash, data []byte, now time.Time) {
	if !l.objects.Got(c.id, h, data, l.d.cfg.Now()) {
		l.unasked(c, len(data), now)
		return
	}
	c.net.Useful(len(data), now)
}

func (l *loop) onNone(c *conn, m message.None, now time.Time) {
	for _, h := range m.Hashes {
		if !l.objects.None(c.id, h) {
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
