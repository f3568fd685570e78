//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/human"
	p2fs "p2pfs/fs"
	"p2pfs/swarm"
	"p2pfs/swarm/metainfo"
)

// added is the torrents and magnets that were put into the mount by hand:
// .p2pfs/torrents. They are kept over restarts. Safe for concurrent use.
type added struct {
	m     *member
	dir   string
	known knownPeers

	mu     sync.Mutex // guards byName; held while a torrent is added, not while it is waited for
	byName map[string]*addedTorrent
}

// addedTorrent is one of them. Fields but names are immutable.
type addedTorrent struct {
	torrent *swarm.Torrent
	file    string // in dir: what a restart reads
	cancel  context.CancelFunc

	mu    sync.Mutex // guards files and meta
	name  string
	meta  *metainfo.MetaInfo // nil until a magnet's is there
	files *fileTree
}

func openAdded(m *member, dir string) (*added, error) {
	a := &added{m: m, dir: dir, known: newKnownPeers(m.cfg.state, m.log), byName: map[string]*addedTorrent{}}
	return a, os.MkdirAll(dir, 0o700)
}

// restore adds again what was there when the mount ended.
func (a *added) restore() {
	names, err := os.ReadDir(a.dir)
	if err != nil {
		a.m.log.Warn("torrents added earlier", "err", err)
	}
	for _, n := range names {
		path := filepath.Join(a.dir, n.Name())
		data, err := os.ReadFile(path)
		if err != nil {
			a.m.log.Warn("torrent added earlier", "path", path, "err", err)
			continue
		}
		src := control.Source{Torrent: data}
		if strings.HasSuffix(n.Name(), ".magnet") {
			src = control.Source{Magnet: string(data)}
		}
		a.m.guard.Do(func() {
			if _, err := a.add(src); err != nil && !errors.Is(err, fs.ErrExist) {
				a.m.log.Warn("torrent added earlier", "path", path, "err", err)
			}
		})
	}
}

// spec reads what a user gave.
func (a *added) spec(src control.Source) (s swarm.Spec, name string, err error) {
	s = swarm.Spec{Storage: a.m.holdings.storage, ReadTimeout: a.m.cfg.readTimeout, Peers: a.m.peers()}
	if src.Magnet == "" {
		if s.MetaInfo, err = metainfo.Parse(src.Torrent); err != nil {
			return s, "", err
		}
		if kept := a.m.holdings.sidecars.Load(s.MetaInfo.Info.InfoHashes()[0]); kept != nil && len(s.MetaInfo.Layers) == 0 {
			s.MetaInfo.Layers = kept.Layers
		}
		name = s.MetaInfo.Info.Name
	} else {
		magnet, err := metainfo.ParseMagnet(src.Magnet)
		if err != nil {
			return s, "", err
		}
		s.Magnet, name = &magnet, magnet.Name
		s.Peers = append(s.Peers, a.m.resolve(magnet.Peers)...)
		if name == "" {
			name = magnet.InfoHashes()[0].String()
		}
	}
	if s.MetaInfo == nil || !s.MetaInfo.Info.Private {
		s.Trackers = a.m.trackers.urls()
	}
	return s, name, nil
}

// add begins a torrent and returns the name it is shown under. fs.ErrExist if
// it is there already.
func (a *added) add(src control.Source) (string, error) {
	s, name, err := a.spec(src)
	if err != nil {
		return "", err
	}
	a.known.into(&s)
	hashes := hashesOf(s)
	a.mu.Lock()
	defer a.mu.Unlock()
	for have, t := range a.byName {
		if slices.ContainsFunc(t.torrent.InfoHashes(), func(h metainfo.Hash) bool { return slices.Contains(hashes, h) }) {
			return have, fmt.Errorf("%s is there already: %w", human.Quoted(have), fs.ErrExist)
		}
	}
	t, err := a.m.client.Add(s)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithCancel(a.m.ctx)
	at := &addedTorrent{torrent: t, cancel: cancel, file: filepath.Join(a.dir, hashes[0].String()+".torrent")}
	data := src.Torrent
	if src.Magnet != "" {
		at.file, data = strings.TrimSuffix(at.file, ".torrent")+".magnet", []byte(src.Magnet)
	}
	if err := replaceFile(at.file, data); err != nil {
		cancel()
		t.Close()
		return "", err
	}
	name = a.unused(name, hashes[0])
	at.name = name
	a.byName[name] = at
	if s.MetaInfo != nil {
		at.know(s.MetaInfo)
		a.m.changed(specialDir+"/"+torrentsDir+"/"+name, p2fs.ChangeEntry)
		return name, nil
	}
	a.m.wg.Go(func() { a.m.guard.Do(func() { a.await(ctx, at) }) })
	return name, nil
}

func hashesOf(s swarm.Spec) []metainfo.Hash {
	if s.MetaInfo != nil {
		return s.MetaInfo.Info.InfoHashes()
	}
	return s.Magnet.InfoHashes()
}

// unused is the name, made different from those that are taken. mu is held.
func (a *added) unused(name string, h metainfo.Hash) string {
	if a.byName[name] == nil {
		return name
	}
	return longName(name, "~"+h.String()[:8])
}

// longName puts a mark behind a name and keeps within 255 bytes.
func longName(name, mark string) string {
	for len(name)+len(mark) > 255 {
		r := []rune(name)
		name = string(r[:len(r)-1])
	}
	return name + mark
}

// await shows a magnet's files when its metadata has come, under the name
// that stands in it.
func (a *added) await(ctx context.Context, at *addedTorrent) {
	meta, err := at.torrent.Metadata(ctx)
	if err != nil {
		return // closed, or it failed; status tells
	}
	a.mu.Lock()
	if a.byName[at.name] == at {
		delete(a.byName, at.name)
		name := a.unused(meta.Info.Name, at.torrent.InfoHashes()[0])
		a.byName[name] = at
		at.mu.Lock()
		at.name = name
		at.mu.Unlock()
		at.know(meta)
	}
	name := at.name
	a.mu.Unlock()
	a.m.changed(specialDir+"/"+torrentsDir+"/"+name, p2fs.ChangeEntry)
}

func (at *addedTorrent) know(m *metainfo.MetaInfo) {
	at.mu.Lock()
	defer at.mu.Unlock()
	at.meta, at.files = m, newFileTree(m.Info)
}

// remove ends a torrent and forgets it. What is cached of it stays until room
// is needed.
func (a *added) remove(nameOrHash string) error {
	a.mu.Lock()
	name, at := nameOrHash, a.byName[nameOrHash]
	for n, t := range a.byName {
		for _, h := range t.torrent.InfoHashes() {
			if at == nil && strings.EqualFold(h.String(), nameOrHash) {
				name, at = n, t
			}
		}
	}
	delete(a.byName, name)
	a.mu.Unlock()
	if at == nil {
		return fs.ErrNotExist
	}
	at.cancel()
	err := os.Remove(at.file)
	at.torrent.Close()
	a.known.forget(at.torrent.InfoHashes()[0])
	a.m.changed(specialDir+"/"+torrentsDir+"/"+name, p2fs.ChangeTree)
	return err
}
