//go:build linux

package member

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"p2pfs/cache"
	"p2pfs/cmd/p2pfs/files"
	"p2pfs/cmd/p2pfs/roster"
	"p2pfs/swarm/guard"
)

// tendEvery is how often the cache is held against its disk.
const tendEvery = 10 * time.Second

// tendAskedEvery is how often the list of what is announced is looked at.
const tendAskedEvery = 10 * time.Minute

// caretaker looks after what grows or goes stale while nobody asks for it.
type caretaker struct {
	cache  *cache.Store
	hidden *roster.Hidden
	asking *files.Asking
	guard  *guard.Guard
	log    *slog.Logger
}

// run has the cache shrink to its budget at the start, which may have
// been made smaller, and to its floor whenever others fill the disk.
func (c *caretaker) run(ctx context.Context) {
	asked := time.NewTicker(tendAskedEvery)
	defer asked.Stop()
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	for {
		c.guard.Do(func() {
			if err := c.cache.Trim(); err != nil && !errors.Is(err, cache.ErrClosed) {
				c.log.Debug("cache not trimmed", "err", err) // the next piece tells of it aloud
			}
			if err := c.hidden.Flush(); err != nil {
				c.log.Warn("list of hidden members", "err", err)
			}
		})
		select {
		case <-ctx.Done():
			return
		case <-asked.C:
			c.asking.Tend()
		case <-tick.C:
		}
	}
}
