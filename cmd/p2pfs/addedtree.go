//go:build linux

package main

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	p2fs "p2pfs/fs"
	"p2pfs/swarm"
	"p2pfs/swarm/metainfo"
)

// addedFile is a file of an added torrent.
type addedFile struct {
	torrent *swarm.Torrent
	info    *metainfo.Info
	index   int
}

func (f *addedFile) open() p2fs.Content { return f.torrent.NewReader(f.index) }

// find looks up a path below .p2pfs/torrents.
func (a *added) find(path string) (node, error) {
	name, rest, _ := strings.Cut(path, "/")
	a.mu.Lock()
	at := a.byName[name]
	a.mu.Unlock()
	if at == nil {
		return node{}, fs.ErrNotExist
	}
	at.mu.Lock()
	defer at.mu.Unlock()
	if at.files == nil {
		return node{}, fs.ErrNotExist
	}
	return a.node(at, name, rest)
}

// node is a path of a torrent, with what of it is here. at.mu is held.
func (a *added) node(at *addedTorrent, name, path string) (node, error) {
	n, err := at.node(name, path)
	if n.torrent != nil {
		n.Local = a.m.holdings.index.LocalIn(n.torrent.info, n.torrent.index)
	}
	return n, err
}

// node is a path of the torrent. mu is held.
func (at *addedTorrent) node(name, path string) (node, error) {
	f := at.files.at(path)
	if f == nil {
		return node{}, fs.ErrNotExist
	}
	n := node{Entry: f.entry(at.meta)}
	if path == "" {
		n.Name = name
	}
	if n.Kind == p2fs.File {
		n.torrent = &addedFile{at.torrent, at.meta.Info, f.index}
		n.Content = addedContent(at.torrent.InfoHashes(), f.index)
	}
	return n, nil
}

// addedContent names the bytes of a file of an added torrent.
func addedContent(hashes []metainfo.Hash, file int) [32]byte {
	return sha256.Sum256(fmt.Appendf(nil, "p2pfs torrent %v %d", hashes, file))
}

// list lists a directory below .p2pfs/torrents.
func (a *added) list(path string) ([]p2fs.Entry, error) {
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
