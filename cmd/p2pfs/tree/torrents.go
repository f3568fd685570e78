//go:build linux

package tree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/human"
	p2fs "p2pfs/fs"
	"p2pfs/swarm"
	"p2pfs/swarm/durable"
	"p2pfs/swarm/guard"
	"p2pfs/swarm/metainfo"
)

// Engine runs torrents.
type Engine interface {
	// Complete adds to a user's metainfo or magnet what it takes to run it. It
	// may block on DNS.
	Complete(s *swarm.Spec)
	// Add begins it.
	Add(s swarm.Spec) (*swarm.Torrent, error)
	// Local is how many bytes of a torrent's file are on this machine.
	Local(info *metainfo.Info, file int) int64
	// Forget drops what is remembered of a torrent that is not to come back.
	Forget(ih metainfo.Hash)
}

// TorrentsConfig is what Torrents needs.
type TorrentsConfig struct {
	Dir    string // where they are kept over restarts
	Engine Engine
	Guard  *guard.Guard
	Log    *slog.Logger
	// Changed is told that a path of the tree shows something else. It does not
	// block.
	Changed func(path string, kind p2fs.ChangeKind)
}

// Torrents is the torrents and magnets that were put into a mount by hand:
// .p2pfs/torrents. They are kept over restarts.
type Torrents struct {
	cfg TorrentsConfig

	mu     sync.Mutex // guards byName; held while a torrent is added, not while it is waited for
	byName map[string]*torrent
	wg     sync.WaitGroup // of those whose metadata is waited for
	closed bool           // guarded by mu
}

// torrent is one of them. Fields but names are immutable.
type torrent struct {
	torrent *swarm.Torrent
	file    string // in Dir: what a restart reads
	cancel  context.CancelFunc

	mu    sync.Mutex // guards files and meta
	name  string
	meta  *metainfo.MetaInfo // nil until a magnet's is there
	files *fileTree
}

// NewTorrents returns Torrents that has none; Restore adds those of an earlier run.
func NewTorrents(cfg TorrentsConfig) (*Torrents, error) {
	return &Torrents{cfg: cfg, byName: map[string]*torrent{}}, os.MkdirAll(cfg.Dir, 0o700)
}

// Close returns when no metadata is waited for any more. The torrents are the
// engine's to end.
func (a *Torrents) Close() error {
	a.mu.Lock()
	a.closed = true
	for _, t := range a.byName {
		t.cancel()
	}
	a.mu.Unlock()
	a.wg.Wait()
	return nil
}

// Restore adds again what was there when the mount ended.
func (a *Torrents) Restore() {
	names, err := os.ReadDir(a.cfg.Dir)
	if err != nil {
		a.cfg.Log.Warn("torrents added earlier", "err", err)
	}
	for _, n := range names {
		path := filepath.Join(a.cfg.Dir, n.Name())
		data, err := os.ReadFile(path)
		if err != nil {
			a.cfg.Log.Warn("torrent added earlier", "path", path, "err", err)
			continue
		}
		src := control.Source{Torrent: data}
		if strings.HasSuffix(n.Name(), ".magnet") {
			src = control.Source{Magnet: string(data)}
		}
		a.cfg.Guard.Do(func() {
			if _, err := a.Add(src); err != nil && !errors.Is(err, fs.ErrExist) {
				a.cfg.Log.Warn("torrent added earlier", "path", path, "err", err)
			}
		})
	}
}

// specOf reads what a user gave.
func specOf(src control.Source) (s swarm.Spec, name string, err error) {
	if src.Magnet == "" {
		if s.MetaInfo, err = metainfo.Parse(src.Torrent); err != nil {
			return s, "", err
		}
		return s, s.MetaInfo.Info.Name, nil
	}
	magnet, err := metainfo.ParseMagnet(src.Magnet)
	if err != nil {
		return s, "", err
	}
	s.Magnet, name = &magnet, magnet.Name
	if name == "" {
		name = magnet.InfoHashes()[0].String()
	}
	return s, name, nil
}

// Add begins a torrent and returns the name it is shown under. fs.ErrExist if
// it is there already.
func (a *Torrents) Add(src control.Source) (string, error) {
	s, name, err := specOf(src)
	if err != nil {
		return "", err
	}
	a.cfg.Engine.Complete(&s)
	hashes := hashesOf(s)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return "", swarm.ErrClosed
	}
	for have, t := range a.byName {
		if slices.ContainsFunc(t.torrent.InfoHashes(), func(h metainfo.Hash) bool { return slices.Contains(hashes, h) }) {
			return have, fmt.Errorf("%s is there already: %w", human.Quoted(have), fs.ErrExist)
		}
	}
	t, err := a.cfg.Engine.Add(s)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithCancel(context.Background())
	at := &torrent{torrent: t, cancel: cancel, file: filepath.Join(a.cfg.Dir, hashes[0].String()+".torrent")}
	data := src.Torrent
	if src.Magnet != "" {
		at.file, data = strings.TrimSuffix(at.file, ".torrent")+".magnet", []byte(src.Magnet)
	}
	if err := durable.WriteFile(at.file, data, 0o600); err != nil {
		cancel()
		t.Close()
		return "", err
	}
	name = a.unused(name, hashes[0])
	at.name = name
	a.byName[name] = at
	if s.MetaInfo != nil {
		at.know(s.MetaInfo)
		a.cfg.Changed(SpecialDir+"/"+TorrentsDir+"/"+name, p2fs.ChangeEntry)
		return name, nil
	}
	a.wg.Go(func() { a.cfg.Guard.Do(func() { a.await(ctx, at) }) })
	return name, nil
}

func hashesOf(s swarm.Spec) []metainfo.Hash {
	if s.MetaInfo != nil {
		return s.MetaInfo.Info.InfoHashes()
	}
	return s.Magnet.InfoHashes()
}

// unused is the name, made different from those that are taken. mu is held.
func (a *Torrents) unused(name string, h metainfo.Hash) string {
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
func (a *Torrents) await(ctx context.Context, at *torrent) {
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
	a.cfg.Changed(SpecialDir+"/"+TorrentsDir+"/"+name, p2fs.ChangeEntry)
}

func (at *torrent) know(m *metainfo.MetaInfo) {
	at.mu.Lock()
	defer at.mu.Unlock()
	at.meta, at.files = m, newFileTree(m.Info)
}

// Remove ends a torrent and forgets it. What is cached of it stays until room
// is needed.
func (a *Torrents) Remove(nameOrHash string) error {
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
	a.cfg.Engine.Forget(at.torrent.InfoHashes()[0])
	a.cfg.Changed(SpecialDir+"/"+TorrentsDir+"/"+name, p2fs.ChangeTree)
	return err
}

// Status is the state of each torrent added by hand.
func (a *Torrents) Status() (out []control.Torrent) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, at := range a.byName {
		s := at.torrent.Stats()
		st := control.Torrent{
			Name: name, InfoHash: at.torrent.InfoHashes()[0].String(), Bytes: s.Length, Have: s.Length - s.Left,
			Peers: int64(s.Peers), State: "ready", Error: s.Trouble,
		}
		switch {
		case at.torrent.Err() != nil:
			st.State, st.Error = "failed", at.torrent.Err().Error()
		case s.Pieces == 0:
			st.State = "fetching metadata"
		case s.Waiting > 0:
			st.State = "reading"
		}
		out = append(out, st)
	}
	slices.SortFunc(out, func(x, y control.Torrent) int {
		if x.Name < y.Name {
			return -1
		}
		return 1
	})
	return out
}
