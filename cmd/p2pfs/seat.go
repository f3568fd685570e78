//go:build linux

package main

import (
	"net/netip"
	"time"

	"p2pfs/cmd/p2pfs/state"
	p2fs "p2pfs/fs"
	"p2pfs/swarm/book"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/store"
	"p2pfs/swarm/drive"
	"p2pfs/swarm/gather"
	"p2pfs/swarm/share"
)

// seat is a member's place on its drive: what it joins it with, and joins it anew
// when another p2pfs turns out to have the same key. Fields are immutable once the
// drive is joined.
type seat struct {
	m      *member
	key    *state.OwnKey
	store  *store.Store
	known  *addressFile
	copied chan struct{} // room for one: another p2pfs has our key
}

func newSeat(m *member) (*seat, error) {
	key, err := state.OpenKey(m.cfg.state, state.MachineIDPath)
	return &seat{m: m, key: key, copied: make(chan struct{}, 1)}, err
}

// join joins the drive with the key that is ours now.
func (s *seat) join() (*drive.Drive, error) {
	m := s.m
	id, moved := s.key.Identity()
	d, err := drive.New(drive.Config{
		Key: drive.OpenKey(m.cfg.drive), Identity: id, Moved: moved, Name: m.cfg.name, Store: s.store, Client: m.client,
		Finding: gather.Finding{Trackers: m.trackers.announced(), Peers: m.peers(), Known: s.known.addrs(), Remember: s.known.remember},
		Guard:   m.guard, Log: m.log, Files: m, Observer: s, Hides: m.hidden.Hides,
	})
	if err != nil {
		return nil, err
	}
	m.drive.Store(d)
	m.trackers.index.changed() // there is a view
	return d, nil
}

// leave leaves the drive, if it was joined.
func (s *seat) leave() error {
	if d := s.m.drive.Load(); d != nil {
		return d.Close()
	}
	return nil
}

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
func (s *seat) tend() {
	for {
		select {
		case <-s.m.ctx.Done():
			return
		case <-s.copied:
		}
		old, done := s.key.Key(), false
		for !done && s.m.ctx.Err() == nil {
			s.m.guard.Do(func() {
				err := s.joinAnew(old)
				if done = err == nil; !done {
					s.m.log.Error("no new member key, though another p2pfs has ours; tried again in a minute", "err", err)
				}
			})
			if !done {
				pause(s.m.ctx, time.Minute)
			}
		}
	}
}

// joinAnew makes a new key in place of the old one, if that is still ours, leaves
// the drive and joins it again. After an error it can be called again.
func (s *seat) joinAnew(old catalog.Key) error {
	var known []netip.AddrPort
	for _, who := range s.m.drive.Load().Members() {
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
		s.m.log.Warn("leaving the drive", "err", err) // it is left all the same
	}
	d, err := s.join()
	if err != nil {
		return err
	}
	s.m.log.Warn("another p2pfs has our member key: this one made a new one", "member", s.key.Key().Short(), "was", old.Short())
	d.Swarm().Add(known, book.Before)
	s.m.publishChange(share.Delta{}) // which is all there is, in a drive that knows of nothing
	s.m.changed("", p2fs.ChangeTree)
	return nil
}
