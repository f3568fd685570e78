package drive

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/hashing"
)

// TestObjectsPassTheUploadLimit: whoever asks for one object again and again gets
// no more than the limit allows, all of it counted, and other questions of his are
// answered meanwhile.
func TestObjectsPassTheUploadLimit(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		const perSecond = 100 << 10
		data := bytes.Repeat([]byte{7}, catalog.MaxObject)
		h := catalog.HashObject(data)
		limit := rate.NewLimiter(perSecond, 2*len(data))
		var counted, got atomic.Int64
		a := pipeMember(t, p, 1, func(c *Config) {
			fakesOf(c).object = func(k catalog.Hash) ([]byte, bool) { return data, k == h }
			engineOf(c).upload = func(ctx context.Context, n int) error {
				err := limit.WaitN(ctx, n)
				if err == nil {
					counted.Add(int64(n))
				}
				return err
			}
		})
		s := a.call(2).meet()
		var holdsAt atomic.Int64
		began := time.Now()
		go func() {
			for {
				m, err := s.Hear()
				if err != nil {
					return
				}
				switch m := m.(type) {
				case message.Object:
					got.Add(int64(len(m.Data)))
				case message.Holds:
					holdsAt.Store(int64(time.Since(began)))
				}
			}
		}()
		same := message.Get{}
		for range message.MaxHashes {
			same.Hashes = append(same.Hashes, h)
		}
		for range 100 {
			for range 10 {
				s.Say(same)
			}
			time.Sleep(100 * time.Millisecond)
			if holdsAt.Load() == 0 {
				s.Say(message.Who{File: hashing.Content{Root: catalog.Hash{3}, Size: 1}})
			}
		}
		if most := int64(perSecond*11 + 2*len(data)); got.Load() > most || got.Load() < perSecond {
			t.Errorf("%d bytes in 10 s, want about %d", got.Load(), 10*perSecond)
		}
		if d := time.Duration(holdsAt.Load()); d == 0 || d > 2*time.Second {
			t.Errorf("another question was answered after %v", d)
		}
		time.Sleep(5 * time.Second)
		if got.Load() != counted.Load() {
			t.Errorf("%d bytes came, %d were counted", got.Load(), counted.Load())
		}
	})
}

// TestRepeatsOfObjects: what waits to be sent is not queued again, and no more than
// a member of ours ever asks for waits.
func TestRepeatsOfObjects(t *testing.T) {
	s := newSending()
	for range 3 {
		s.add([]catalog.Hash{{1}, {2}, {1}})
	}
	for i := range 2 * maxOwed {
		s.add([]catalog.Hash{{9, byte(i), byte(i >> 8)}})
	}
	if len(s.queue) != maxOwed {
		t.Errorf("%d wait", len(s.queue))
	}
	h, ok := s.take()
	if s.add([]catalog.Hash{h}); !ok || len(s.queue) != maxOwed-1 {
		t.Errorf("one that is being sent waits again: %d", len(s.queue))
	}
	if s.done(h); len(s.owed) != maxOwed-1 {
		t.Errorf("%d owed", len(s.owed))
	}
	if s.add([]catalog.Hash{h}); len(s.queue) != maxOwed {
		t.Error("one that was sent cannot be asked for again")
	}
}
