//go:build linux

package member

import (
	"context"
	"net/netip"

	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/keep"
	"p2pfs/cmd/p2pfs/roster"
	p2fs "p2pfs/fs"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/union"
)

// Services are what the control socket asks for.
func (m *Member) Services(stop func()) control.Mount {
	return control.Mount{
		Status: m.reporter, Torrents: m.linker, Stop: stop,
		Cache: keep.New(keep.Config{
			Tree: m.linker.tree, Fetched: m.linker.tree.Reads().Fetched, Shares: m.share, Cache: m.cache, Size: m.Config.CacheSize,
			Index: m.holdings.Index, Pins: m.holdings.Pins, Evicted: m.holdings.Evicted, Guard: m.guard, Log: m.log,
			Changed: func(path string) { m.kernel.changed(path, p2fs.ChangeAttr) },
		}),
		Members: roster.Roster{Drive: m.drive.drive, Hidden: m.hidden, Self: m.reporter.key.Key, Name: m.Config.Name},
	}
}

// Status tells how the mount is.
func (m *Member) Status(ctx context.Context) (control.Status, error) { return m.reporter.Status(ctx) }

// Healthy asks the mount and the engine. It may block on either.
func (m *Member) Healthy(ctx context.Context) error { return m.reporter.healthy(ctx) }

// Add puts a torrent or magnet into the mount and returns its name there.
func (m *Member) Add(ctx context.Context, src control.Source) (string, error) {
	return m.linker.Add(ctx, src)
}

// Key is our member key.
func (m *Member) Key() catalog.Key { return m.reporter.key.Key() }

// Tracker tells the user which tracker is used.
func (m *Member) Tracker() string { return m.reporter.trackers.Describe() }

// Addr is where peers reach us.
func (m *Member) Addr() netip.AddrPort { return m.engine.client().Addr() }

// View is the namespace of now.
func (m *Member) View() *union.View { return m.drive.View() }

// Wait returns when the mount was taken away.
func (m *Member) Wait() error { return m.kernel.mount.Load().Wait() }

// Unmount takes the mount away: reads that wait fail. Close must follow.
func (m *Member) Unmount() error { return m.kernel.mount.Load().Close() }
