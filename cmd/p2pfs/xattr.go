//go:build linux

package main

import (
	"context"
	"io/fs"
	"strconv"

	p2fs "p2pfs/fs"
	"p2pfs/swarm"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/metainfo"
)

// Extended attributes of files.
const (
	attrInfoHash = "user.p2pfs.infohash" // v2's 20 bytes, or v1's of a v1 torrent
	attrMagnet   = "user.p2pfs.magnet"
	attrMember   = "user.p2pfs.member" // whose it is
	attrLocal    = "user.p2pfs.local"  // bytes on this machine
	attrPeers    = "user.p2pfs.peers"  // connected
	attrState    = "user.p2pfs.state"  // a sentence
)

// Xattrs is part of fs.Tree.
func (t tree) Xattrs(ctx context.Context, path string) ([]string, error) {
	n, err := t.find(ctx, path)
	switch {
	case err != nil:
		return nil, err
	case n.Kind != p2fs.File || n.Volatile:
		return nil, nil
	case n.torrent != nil:
		return []string{attrInfoHash, attrLocal, attrPeers, attrState}, nil
	}
	names := []string{attrMember, attrLocal, attrPeers, attrState}
	if n.Size > 0 {
		names = append(names, attrInfoHash)
	}
	if n.entry.V1 != ([20]byte{}) {
		names = append(names, attrMagnet)
	}
	return names, nil
}

// Xattr is part of fs.Tree.
func (t tree) Xattr(ctx context.Context, path, name string) (string, error) {
	n, err := t.find(ctx, path)
	if err != nil {
		return "", err
	}
	if n.Kind != p2fs.File || n.Volatile {
		return "", fs.ErrNotExist
	}
	if n.torrent != nil {
		return t.m.torrentAttr(ctx, path, n, name)
	}
	return t.m.entryAttr(ctx, path, n, name)
}

// torrentAttr is an attribute of a file of an added torrent.
func (m *member) torrentAttr(ctx context.Context, path string, n node, name string) (string, error) {
	tor := n.torrent.torrent
	switch name {
	case attrInfoHash:
		return tor.InfoHashes()[0].String(), nil
	case attrLocal:
		return strconv.FormatInt(n.Local, 10), nil
	case attrPeers:
		return strconv.Itoa(tor.Stats().Peers), nil
	case attrState:
		return stateOf(ctx, tor, n.torrent.index) + m.comings.lastFailure(path), nil
	}
	return "", fs.ErrNotExist
}

// entryAttr is an attribute of a member's file.
func (m *member) entryAttr(ctx context.Context, path string, n node, name string) (string, error) {
	e := n.entry
	tor := m.torrentOf(e)
	switch {
	case name == attrMember:
		return m.memberName(e.Member), nil
	case name == attrLocal:
		return strconv.FormatInt(n.Local, 10), nil
	case name == attrPeers && tor == nil:
		return "0", nil
	case name == attrPeers:
		return strconv.Itoa(tor.Stats().Peers), nil
	case name == attrState && n.Local == n.Size:
		return "whole on this machine", nil
	case name == attrState && tor == nil:
		return "not being read" + m.comings.lastFailure(path), nil
	case name == attrState:
		return stateOf(ctx, tor, 0) + m.comings.lastFailure(path), nil
	case name == attrInfoHash && e.Size > 0:
		ih, err := v2Hash(e)
		return ih.String(), err
	case name == attrMagnet && e.V1 != ([20]byte{}):
		magnet := metainfo.Magnet{HasV1: true, V1: e.V1, Name: e.Published, Length: e.Size, Trackers: m.publicTrackers(nil)}
		return magnet.String(), nil
	}
	return "", fs.ErrNotExist
}

// v2Hash is the infohash of a member's file.
func v2Hash(e *catalog.Entry) (metainfo.Hash, error) {
	info, err := metainfo.BuildV2(e.Published, e.Size, metainfo.PieceLength(e.Size), metainfo.Hash256(e.Root))
	if err != nil {
		return metainfo.Hash{}, err
	}
	return info.HashV2.Short(), nil
}

// torrentOf is the torrent that a member's file is read from just now, nil if
// there is none.
func (m *member) torrentOf(e *catalog.Entry) *swarm.Torrent {
	if e.Size == 0 {
		return nil
	}
	ih, err := v2Hash(e)
	if err != nil {
		return nil
	}
	return m.client.Torrent(ih)
}

// memberName is how a member is called in messages.
func (m *member) memberName(k catalog.Key) string {
	for _, who := range m.view().Members() {
		if who.Key == k {
			return who.Dir
		}
	}
	return k.Short()
}
