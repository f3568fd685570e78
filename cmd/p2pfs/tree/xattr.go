//go:build linux

package tree

import (
	"context"
	"io/fs"
	"strconv"

	p2fs "p2pfs/fs"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/metainfo"
)

// Extended attributes of files.
const (
	AttrInfoHash = "user.p2pfs.infohash" // v2's 20 bytes, or v1's of a v1 torrent
	AttrMagnet   = "user.p2pfs.magnet"
	AttrMember   = "user.p2pfs.member" // whose it is
	AttrLocal    = "user.p2pfs.local"  // bytes on this machine
	AttrPeers    = "user.p2pfs.peers"  // connected
	AttrState    = "user.p2pfs.state"  // a sentence
)

// Xattrs is part of fs.Tree.
func (t *Tree) Xattrs(_ context.Context, path string) ([]string, error) {
	n, err := t.Find(path)
	switch {
	case err != nil:
		return nil, err
	case n.Kind != p2fs.File || n.Volatile:
		return nil, nil
	case n.Torrent != nil:
		return []string{AttrInfoHash, AttrLocal, AttrPeers, AttrState}, nil
	}
	names := []string{AttrMember, AttrLocal, AttrPeers, AttrState}
	if n.Size > 0 {
		names = append(names, AttrInfoHash)
	}
	if n.Shared.V1 != ([20]byte{}) {
		names = append(names, AttrMagnet)
	}
	return names, nil
}

// Xattr is part of fs.Tree.
func (t *Tree) Xattr(ctx context.Context, path, name string) (string, error) {
	n, err := t.Find(path)
	if err != nil {
		return "", err
	}
	if n.Kind != p2fs.File || n.Volatile {
		return "", fs.ErrNotExist
	}
	if n.Torrent != nil {
		return t.torrentAttr(ctx, path, n, name)
	}
	return t.sharedAttr(ctx, path, n, name)
}

// torrentAttr is an attribute of a file of an added torrent.
func (t *Tree) torrentAttr(ctx context.Context, path string, n Node, name string) (string, error) {
	tor := n.Torrent.Torrent
	switch name {
	case AttrInfoHash:
		return tor.InfoHashes()[0].String(), nil
	case AttrLocal:
		return strconv.FormatInt(n.Local, 10), nil
	case AttrPeers:
		return strconv.Itoa(tor.Stats().Peers), nil
	case AttrState:
		return stateOf(ctx, tor, n.Torrent.Index) + t.reads.lastFailure(path), nil
	}
	return "", fs.ErrNotExist
}

// sharedAttr is an attribute of a member's file.
func (t *Tree) sharedAttr(ctx context.Context, path string, n Node, name string) (string, error) {
	e := n.Shared
	tor := t.cfg.Files.Torrent(e)
	switch {
	case name == AttrMember:
		return t.memberName(e.Member), nil
	case name == AttrLocal:
		return strconv.FormatInt(n.Local, 10), nil
	case name == AttrPeers && tor == nil:
		return "0", nil
	case name == AttrPeers:
		return strconv.Itoa(tor.Stats().Peers), nil
	case name == AttrState && n.Local == n.Size:
		return "whole on this machine", nil
	case name == AttrState && tor == nil:
		return "not being read" + t.reads.lastFailure(path), nil
	case name == AttrState:
		return stateOf(ctx, tor, 0) + t.reads.lastFailure(path), nil
	case name == AttrInfoHash && e.Size > 0:
		return metainfo.InfoHashV2(e.Published, content(e)).Short().String(), nil
	case name == AttrMagnet && e.V1 != ([20]byte{}):
		return t.cfg.Files.Magnet(e), nil
	}
	return "", fs.ErrNotExist
}

// memberName is how a member is called in messages.
func (t *Tree) memberName(k catalog.Key) string {
	for _, who := range t.cfg.Drive.View().Members() {
		if who.Key == k {
			return who.Dir
		}
	}
	return k.Short()
}
