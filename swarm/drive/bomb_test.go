package drive

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/union"
	"p2pfs/swarm/drive/message"
)

// bomb is a catalogue of a few objects, the root first, that names two million
// files: each directory is named fifty times.
func bomb(mark int) (objects []string) {
	var b strings.Builder
	for i := range 700 {
		fmt.Fprintf(&b, "d1:mi%de1:n3:%03d1:si0ee", mark+1, i)
	}
	objects = []string{"d1:el" + b.String() + "ee"}
	for range 2 {
		h := catalog.HashObject([]byte(objects[0]))
		b.Reset()
		for i := range 53 {
			fmt.Fprintf(&b, "d1:c32:%s1:n3:d%02de", h[:], i)
		}
		objects = append([]string{"d1:el" + b.String() + "ee"}, objects...)
	}
	return objects
}

// busyLog counts the events of a loop that looked at too much.
type busyLog struct{ n atomic.Int64 }

func (*busyLog) Enabled(context.Context, slog.Level) bool { return true }
func (l *busyLog) WithAttrs([]slog.Attr) slog.Handler     { return l }
func (l *busyLog) WithGroup(string) slog.Handler          { return l }
func (l *busyLog) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "many entries") {
		l.n.Add(1)
	}
	return nil
}

// serveBombs answers what it is asked for.
func (s *stranger) serveBombs(objects map[catalog.Hash]string) {
	for {
		m, err := s.Hear()
		if err != nil {
			s.Close(err)
			return
		}
		if g, ok := m.(message.Get); ok {
			for _, h := range g.Hashes {
				s.Say(message.Object{Data: []byte(objects[h])})
			}
		}
	}
}

// Members whose catalogues name millions of files in a few bytes, all the same
// names, change them as fast as they may. No event takes long by that, what
// changed is told in bounded pieces, and others are heard meanwhile.
func TestBombs(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		busy := &busyLog{}
		var told, most atomic.Int64
		a := pipeMember(t, p, 1, func(c *Config) {
			c.Log = slog.New(busy)
			fakesOf(c).view = func(now, before *union.View) {
				changes, err := union.Diff(before, now)
				if err != nil {
					t.Error(err)
				}
				told.Add(1)
				most.Store(max(most.Load(), int64(len(changes))))
			}
		})
		b := pipeMember(t, p, 2)
		b.join(a)
		trees, objects := [][]string{bomb(0), bomb(1), bomb(2)}, map[catalog.Hash]string{}
		for _, tree := range trees {
			for _, o := range tree {
				objects[catalog.HashObject([]byte(o))] = o
			}
		}
		for n := range 6 {
			s := a.call(10 + n).meet()
			go s.serveBombs(objects)
			go func() {
				for seq := range 40 {
					root := catalog.HashObject([]byte(trees[(seq+n)%len(trees)][0]))
					s.Say(message.Heads{Heads: []catalog.Head{s.head(int64(seq+1), root)}})
					time.Sleep(250 * time.Millisecond)
				}
			}()
		}
		for i := range 20 {
			name := fmt.Sprint("honest", i)
			b.share(catalog.File{Path: name})
			time.Sleep(time.Second)
			if !a.has(name) {
				t.Errorf("%s is not seen within a second", name)
			}
		}
		if n := len(a.Members()); n != 8 && n != 7 {
			t.Errorf("%d members are known", n)
		}
		if n := busy.n.Load(); n > 0 {
			t.Errorf("%d events looked at more than %d entries", n, busyVisits)
		}
		if told.Load() == 0 || most.Load() > 1<<16 {
			t.Errorf("OnView was called %d times, for up to %d changes", told.Load(), most.Load())
		}
		t.Logf("OnView was called %d times, for up to %d changes", told.Load(), most.Load())
	})
}
