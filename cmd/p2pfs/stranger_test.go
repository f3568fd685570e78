//go:build linux

package main

import (
	"net/netip"
	"path/filepath"
	"testing"

	"p2pfs/swarm"
	"p2pfs/swarm/book"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/store"
	"p2pfs/swarm/drive"
	"p2pfs/swarm/swarmtest"
)

// stranger is a member of a drive that publishes what it pleases: entries
// without files behind them. It mounts nothing.
type stranger struct {
	t      testing.TB
	id     *catalog.Identity
	store  *store.Store
	client *swarm.Client
	*drive.Drive
}

// newStranger joins a drive; peers are members whom it is to dial.
func newStranger(t testing.TB, driveName, name string, files ...catalog.File) *stranger {
	t.Helper()
	dir := t.TempDir()
	id, err := catalog.LoadIdentity(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	s := &stranger{t: t, id: id}
	key := drive.OpenKey(driveName)
	if s.store, err = store.Open(filepath.Join(dir, "catalog.db"), key.Rendezvous(), nil); err != nil {
		t.Fatal(err)
	}
	s.client, err = swarm.New(swarm.Config{
		Listen: netip.AddrPortFrom(swarmtest.Host(), 0).String(),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Drive, err = drive.New(drive.Config{
		Key: key, Identity: id, Name: name, Store: s.store, Client: s.client,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.leave)
	s.publish(files...)
	return s
}

// publish makes files the stranger's catalogue.
func (s *stranger) publish(files ...catalog.File) {
	s.t.Helper()
	if _, err := s.Share(catalog.Delta{All: true, Put: files}); err != nil {
		s.t.Fatal(err)
	}
}

// leave ends the stranger; it may be called again.
func (s *stranger) leave() {
	if s.store == nil {
		return
	}
	s.Close()
	s.client.Close()
	s.store.Close()
	s.store = nil
}

// knows has the stranger dial a member.
func (s *stranger) knows(m *mounted) *stranger {
	addr, err := netip.ParseAddrPort(status(s.t, m).Listen)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Swarm().Add([]netip.AddrPort{addr}, book.Before)
	return s
}
