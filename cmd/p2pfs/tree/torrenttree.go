//go:build linux

package tree

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	p2fs "p2pfs/fs"
	"p2pfs/swarm"
	"p2pfs/swarm/metainfo"
)

// TorrentFile is a file of an added torrent.
type TorrentFile struct {
	Torrent *swarm.Torrent
	Info    *metainfo.Info
	Index   int // in Info
}

// Open returns a reader of the file.
func (f *TorrentFile) Open() p2fs.Content { return f.Torrent.NewReader(f.Index) }

// find looks up a path below .p2pfs/torrents.
func (a *Torrents) find(path string) (Node, error) {
	name, rest, _ := strings.Cut(path, "/")
	a.mu.Lock()
	at := a.byName[name]
	a.mu.Unlock()
	if at == nil {
		return Node{}, fs.ErrNotExist
	}
	at.mu.Lock()
	defer at.mu.Unlock()
	if at.files == nil {
		return Node{}, fs.ErrNotExist
	}
	return a.node(at, name, rest)
}

// node is a path of a torrent, with what of it is here. at.mu is held.
func (a *Torrents) node(at *torrent, name, path string) (Node, error) {
	n, err := at.node(name, path)
	if n.Torrent != nil {
		n.Local = a.cfg.Engine.Local(n.Torrent.Info, n.Torrent.Index)
	}
	return n, err
}

// node is a path of the torrent. mu is held.
func (at *torrent) node(name, path string) (Node, error) {
	f := at.files.at(path)
	if f == nil {
		return Node{}, fs.ErrNotExist
	}
	n := Node{Entry: f.entry(at.meta)}
	if path == "" {
		n.Name = name
	}
	if n.Kind == p2fs.File {
		n.Torrent = &TorrentFile{at.torrent, at.meta.Info, f.index}
		n.Content = torrentContent(at.torrent.InfoHashes(), f.index)
	}
	return n, nil
}

// torrentContent names the bytes of a file of an added torrent.
func torrentContent(hashes []metainfo.Hash, file int) [32]byte {
	return sha256.Sum256(fmt.Appendf(nil, "p2pfs torrent %v %d", hashes, file))
}

// list lists a directory below .p2pfs/torrents.
func (a *Torrents) list(path string) ([]p2fs.Entry, error) {
	name, rest, _ := strings.Cut(path, "/")
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []p2fs.Entry
	if name == "" {
		for n, at := range a.byName {
			at.mu.Lock()
			if at.files != nil {
				if top, err := a.node(at, n, ""); err == nil {
					out = append(out, top.Entry)
				}
			}
			at.mu.Unlock()
		}
		slices.SortFunc(out, func(x, y p2fs.Entry) int { return strings.Compare(x.Name, y.Name) })
		return out, nil
	}
	at := a.byName[name]
	if at == nil {
		return nil, fs.ErrNotExist
	}
	at.mu.Lock()
	defer at.mu.Unlock()
	if at.files == nil {
		return nil, fs.ErrNotExist
	}
	dir := at.files.at(rest)
	if dir == nil || dir.index >= 0 {
		return nil, fs.ErrNotExist
	}
	for _, child := range dir.children() {
		n, err := a.node(at, name, strings.TrimPrefix(rest+"/"+child.name, "/"))
		if err != nil {
			return nil, err
		}
		out = append(out, n.Entry)
	}
	return out, nil
}

// MetaInfo is the torrent that a path below .p2pfs/torrents belongs to.
func (a *Torrents) MetaInfo(path string) (*metainfo.MetaInfo, error) {
	name, ok := strings.CutPrefix(path, SpecialDir+"/"+TorrentsDir+"/")
	name, _, _ = strings.Cut(name, "/")
	a.mu.Lock()
	at := a.byName[name]
	a.mu.Unlock()
	if !ok || at == nil {
		return nil, fs.ErrNotExist
	}
	at.mu.Lock()
	defer at.mu.Unlock()
	if at.meta == nil {
		return nil, errors.New("its metadata is not here yet")
	}
	return at.meta, nil
}
