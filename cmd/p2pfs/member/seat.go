//go:build linux

package member

import (
	"context"
	"net/netip"
	"time"

	"p2pfs/cmd/p2pfs/pause"
	"p2pfs/cmd/p2pfs/state"
	"p2pfs/cmd/p2pfs/trackers"
	"p2pfs/swarm/book"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/union"
	"p2pfs/swarm/drive"
	"p2pfs/swarm/gather"
)

// seat is our place on a drive: what it is joined with, and joined anew when another
// p2pfs turns out to have the same key. Fields are immutable once it is joined.
type seat struct {
	joined   *joined
	cfg      drive.Config // but for what finds members, and the key
	trackers *trackers.Trackers
	peers    func() []netip.AddrPort // to dial
	key      *state.OwnKey
	known    *state.Addresses
	viewed   func(now, before *union.View) // is told of each new view
	anew     func()                        // is told that the drive was joined with another key
	copied   chan struct{}                 // room for one: another p2pfs has our key
}

// join joins the drive with the key that is ours now.
func (s *seat) join() error {
	cfg := s.cfg
	cfg.Identity, cfg.Moved = s.key.Identity()
	cfg.Finding = gather.Finding{Trackers: s.trackers.Announced(), Peers: s.peers(), Known: s.known.Addrs(), Remember: s.known.Remember}
	cfg.Observer = s
	d, err := drive.New(cfg)
	if err != nil {
		return err
	}
	s.joined.p.Store(d)
	s.trackers.Changed() // there is a view
	return nil
}

// leave leaves the drive, if it was joined.
func (s *seat) leave() error {
	if d := s.joined.drive(); d != nil {
		return d.Close()
	}
	return nil
}

// OnView is part of drive.Observer.
func (s *seat) OnView(now, before *union.View) { s.viewed(now, before) }

// OnCopy has a new key made where another p2pfs has ours and this one is to give
// way.
func (s *seat) OnCopy(c drive.Copy) {
	if !c.Yield {
		return
	}
	select {
	case s.copied <- struct{}{}:
	default:
	}
}

// tend joins the drive with a new key when the old one is another's too.
func (s *seat) tend(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.copied:
		}
		old, done := s.key.Key(), false
		for !done && ctx.Err() == nil {
			s.cfg.Guard.Do(func() {
				err := s.joinAnew(old)
				if done = err == nil; !done {
					s.cfg.Log.Error("no new member key, though another p2pfs has ours; tried again in a minute", "err", err)
				}
			})
			if !done {
				pause.For(ctx, time.Minute)
			}
		}
	}
}

// joinAnew makes a new key in place of the old one, if that is still ours, leaves
// the drive and joins it again. After an error it can be called again.
func (s *seat) joinAnew(old catalog.Key) error {
	var known []netip.AddrPort
	for _, who := range s.joined.drive().Members() {
		if who.Addr.IsValid() {
			known = append(known, who.Addr)
		}
	}
	if s.key.Key() == old {
		if err := s.key.Renew(); err != nil {
			return err
		}
	}
	if err := s.leave(); err != nil {
		s.cfg.Log.Warn("leaving the drive", "err", err) // it is left all the same
	}
	if err := s.join(); err != nil {
		return err
	}
	s.cfg.Log.Warn("another p2pfs has our member key: this one made a new one", "member", s.key.Key().Short(), "was", old.Short())
	s.joined.drive().Swarm().Add(known, book.Before)
	s.anew()
	return nil
}
