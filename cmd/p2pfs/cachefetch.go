//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/human"
	p2fs "p2pfs/fs"
)

const (
	fetchWorkers = 4 // files that are fetched at a time
	fetchChunk   = 512 << 10
	// keptWithin is how long a piece that was read may take to its disk.
	keptWithin = 30 * time.Second
	// behind is how many pieces a fetch goes on while the cache refuses them.
	behind = 8
)

// fetchAll fetches files, a few at a time. It goes on after an error and
// returns the first.
func (m *member) fetchAll(ctx context.Context, files []*kept, t *control.Tally) error {
	var (
		mu     sync.Mutex
		failed []error
		wg     sync.WaitGroup
	)
	next := make(chan *kept)
	for range fetchWorkers {
		wg.Go(func() {
			for k := range next {
				var err error
				if panicked := m.guard.Do(func() { err = m.fetch(ctx, k, t) }); panicked != nil {
					err = panicked
				}
				if err != nil {
					mu.Lock()
					failed = append(failed, fmt.Errorf("%s: %w", human.Quoted(k.Path), err))
					mu.Unlock()
				}
			}
		})
	}
	for _, k := range files {
		select {
		case next <- k:
		case <-ctx.Done():
		}
	}
	close(next)
	wg.Wait()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case len(failed) > 1:
		return fmt.Errorf("%w; and %s more", failed[0], human.Count(int64(len(failed)-1), "file"))
	case len(failed) == 1:
		return failed[0]
	}
	return nil
}

// fetch reads those pieces of a file that are not in the cache, and waits until
// they are.
func (m *member) fetch(ctx context.Context, k *kept, t *control.Tally) error {
	c, err := k.Open()
	if err != nil {
		return err
	}
	defer func() {
		c.Close()
		m.changed(k.Path, p2fs.ChangeAttr)
	}()
	buf := make([]byte, min(fetchChunk, k.Size))
	var came []int // pieces
	for _, p := range m.pieces(k) {
		if p.held {
			t.Add(func(r *control.Report) { r.Done += p.Len })
			continue
		}
		for off := p.Off; off < p.Off+p.Len; off += int64(len(buf)) {
			part := buf[:min(int64(len(buf)), p.Off+p.Len-off)]
			if n, err := c.ReadAt(ctx, part, off); n < len(part) {
				if err == nil || errors.Is(err, io.EOF) {
					err = io.ErrUnexpectedEOF
				}
				return err
			}
			m.tree.Reads().Fetched(int64(len(part)))
			t.Add(func(r *control.Report) { r.Done += int64(len(part)); r.Fetched += int64(len(part)) })
		}
		came = append(came, p.Index)
		if n := len(came) - behind; n > 0 {
			if err := m.refused(k, came[n-1]); err != nil {
				return err
			}
		}
	}
	return m.settle(ctx, k, came)
}

// refused says why the cache has not taken a piece, nil if it has, or may yet.
func (m *member) refused(k *kept, piece int) error {
	if _, held := m.holdings.index.Key(k.Info, piece); held {
		return nil
	}
	if err := m.cache.Usage().Trouble; err != nil {
		return fmt.Errorf("it cannot be kept: %w", err)
	}
	return nil
}

// settle waits until the pieces that came are in the cache.
func (m *member) settle(ctx context.Context, k *kept, came []int) error {
	ctx, cancel := context.WithTimeout(ctx, keptWithin)
	defer cancel()
	for _, piece := range came {
		for {
			if _, held := m.holdings.index.Key(k.Info, piece); held {
				break
			}
			if err := m.refused(k, piece); err != nil {
				return err
			}
			if pause(ctx, 10*time.Millisecond); ctx.Err() != nil {
				return fmt.Errorf("piece %d did not stay in the cache", piece)
			}
		}
	}
	return nil
}
