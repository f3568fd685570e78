package drive

import (
	"context"
	"sync"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/drive/objects"
)

// maxOwed is how many objects may wait to be sent to a member: more than one of
// ours ever asks for at once. What he asks for beyond is not answered.
const maxOwed = 2 * objects.MaxAsked

// sending is what a member asked for and was not sent yet. The connection's
// reader adds to it and a goroutine of the connection's own takes from it, so that
// objects that wait for the upload limit keep nothing else from being read.
type sending struct {
	mu    sync.Mutex // guards what follows; held for a few instructions
	queue []catalog.Hash
	owed  map[catalog.Hash]bool
	wake  chan struct{}
}

func newSending() *sending {
	return &sending{owed: map[catalog.Hash]bool{}, wake: make(chan struct{}, 1)}
}

// add queues what is asked for. Repeats of what waits are dropped, and what is too
// much.
func (s *sending) add(hashes []catalog.Hash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range hashes {
		if s.owed[h] || len(s.owed) >= maxOwed {
			continue
		}
		s.owed[h] = true
		s.queue = append(s.queue, h)
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take returns what waits first; ok is false where nothing does.
func (s *sending) take() (h catalog.Hash, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return h, false
	}
	h = s.queue[0]
	if s.queue = s.queue[1:]; len(s.queue) == 0 {
		s.queue = nil
	}
	return h, true
}

// done notes that an object is about to be answered.
func (s *sending) done(h catalog.Hash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.owed, h)
}

// sendOwed sends what a member asks for until ctx ends.
func (c *conn) sendOwed(ctx context.Context) {
	d, s := c.d, c.owed
	var missing []catalog.Hash
	for {
		h, ok := s.take()
		if len(missing) == message.MaxHashes || !ok && len(missing) > 0 {
			c.reply(message.None{Hashes: missing})
			missing = nil
		}
		if !ok {
			select {
			case <-s.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		data := d.objectOf(h)
		if data == nil {
			s.done(h)
			missing = append(missing, h)
			continue
		}
		if d.cfg.Client.Upload(ctx, len(data)) != nil {
			return
		}
		s.done(h) // he may ask again once he has it
		c.reply(message.Object{Data: data})
	}
}

// objectOf returns an object that we have, nil if we have not.
func (d *Drive) objectOf(h catalog.Hash) []byte {
	data, err := d.cfg.Store.Object(h)
	if err != nil {
		var ok bool
		if data, ok = d.cfg.Files.Object(h); !ok {
			return nil
		}
	}
	if len(data) > catalog.MaxObject {
		return nil
	}
	return data
}
