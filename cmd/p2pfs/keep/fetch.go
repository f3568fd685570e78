//go:build linux

package keep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/cmd/p2pfs/pause"
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
func (k *Keeper) fetchAll(ctx context.Context, files []*file, t *control.Tally) error {
	var (
		mu     sync.Mutex
		failed []error
		wg     sync.WaitGroup
	)
	next := make(chan *file)
	for range fetchWorkers {
		wg.Go(func() {
			for f := range next {
				var err error
				if panicked := k.cfg.Guard.Do(func() { err = k.fetch(ctx, f, t) }); panicked != nil {
					err = panicked
				}
				if err != nil {
					mu.Lock()
					failed = append(failed, fmt.Errorf("%s: %w", human.Quoted(f.Path), err))
					mu.Unlock()
				}
			}
		})
	}
	for _, f := range files {
		select {
		case next <- f:
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
func (k *Keeper) fetch(ctx context.Context, f *file, t *control.Tally) error {
	c, err := f.Open()
	if err != nil {
		return err
	}
	defer func() {
		c.Close()
		k.cfg.Changed(f.Path)
	}()
	buf := make([]byte, min(fetchChunk, f.Size))
	var came []int // pieces
	for _, p := range k.pieces(f) {
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
			k.cfg.Fetched(int64(len(part)))
			t.Add(func(r *control.Report) { r.Done += int64(len(part)); r.Fetched += int64(len(part)) })
		}
		came = append(came, p.Index)
		if n := len(came) - behind; n > 0 {
			if err := k.refused(f, came[n-1]); err != nil {
				return err
			}
		}
	}
	return k.settle(ctx, f, came)
}

// refused says why the cache has not taken a piece, nil if it has, or may yet.
func (k *Keeper) refused(f *file, piece int) error {
	if _, held := k.cfg.Index.Key(f.Info, piece); held {
		return nil
	}
	if err := k.cfg.Cache.Usage().Trouble; err != nil {
		return fmt.Errorf("it cannot be kept: %w", err)
	}
	return nil
}

// settle waits until the pieces that came are in the cache.
func (k *Keeper) settle(ctx context.Context, f *file, came []int) error {
	ctx, cancel := context.WithTimeout(ctx, keptWithin)
	defer cancel()
	for _, piece := range came {
		for {
			if _, held := k.cfg.Index.Key(f.Info, piece); held {
				break
			}
			if err := k.refused(f, piece); err != nil {
				return err
			}
			if pause.For(ctx, 10*time.Millisecond); ctx.Err() != nil {
				return fmt.Errorf("piece %d did not stay in the cache", piece)
			}
		}
	}
	return nil
}
