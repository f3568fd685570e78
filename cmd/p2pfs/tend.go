//go:build linux

package main

import (
	"errors"
	"time"

	"p2pfs/cache"
)

// tendEvery is how often the cache is held against its disk.
const tendEvery = 10 * time.Second

// tendAskedEvery is how often the list of what is announced is looked at.
const tendAskedEvery = 10 * time.Minute

// tendCache has the cache shrink to its budget at the start, which may have
// been made smaller, and to its floor whenever others fill the disk.
func (m *member) tendCache() {
	asked := time.NewTicker(tendAskedEvery)
	defer asked.Stop()
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	for {
		m.guard.Do(func() {
			if err := m.cache.Trim(); err != nil && !errors.Is(err, cache.ErrClosed) {
				m.log.Debug("cache not trimmed", "err", err) // the next piece tells of it aloud
			}
			if err := m.hidden.Flush(); err != nil {
				m.log.Warn("list of hidden members", "err", err)
			}
		})
		select {
		case <-m.ctx.Done():
			return
		case <-asked.C:
			m.tendAsked()
		case <-tick.C:
		}
	}
}
