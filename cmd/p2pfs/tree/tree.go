//go:build linux

package tree

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"io/fs"
	"strings"
	"time"

	p2fs "p2pfs/fs"
	"p2pfs/swarm"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/union"
	"p2pfs/swarm/metainfo"
)

// Names of what is in a mount besides the members' files: reachable by name,
// but not listed in the root, so that no indexer walks it.
const (
	SpecialDir  = ".p2pfs"
	MembersDir  = "members"
	TorrentsDir = "torrents"
	StatusFile  = "status"
)

// MembersPath is where each member's own tree is.
const MembersPath = SpecialDir + "/" + MembersDir

// Namespace is what the members of a drive share.
type Namespace interface {
	// View is the namespace of now.
	View() *union.View
	// Listed are the members that are shown by name.
	Listed() map[catalog.Key]bool
}

// Files reads members' files.
type Files interface {
	Open(e *union.Entry) (p2fs.Content, error)
	// Local is how many bytes of a file are on this machine.
	Local(e *union.Entry) int64
	// Torrent is the one that a file is read from just now, nil if there is none.
	Torrent(e *union.Entry) *swarm.Torrent
	// Magnet is that of a file's v1 torrent.
	Magnet(e *union.Entry) string
}

// Config is what a Tree shows, and whom it tells. All is needed but Scans.
type Config struct {
	Drive    Namespace
	Files    Files
	Torrents *Torrents
	Status   func() (string, error) // the text of .p2pfs/status
	Usage    func() p2fs.Usage      // what df shows
	Scans    *Scans                 // nil: every process may read all
	// Changed tells the kernel that a path shows something else. It does not block.
	Changed func(path string, kind p2fs.ChangeKind)
}

// Tree is what a mount shows: the union of all members' trees, and under .p2pfs each
// member's own, torrents added by hand and a status text. It is an fs.Tree.
type Tree struct {
	cfg   Config
	reads *Reads
	shown *Shown
}

var _ p2fs.Tree = (*Tree)(nil)

// New returns a Tree.
func New(cfg Config) *Tree {
	return &Tree{cfg: cfg, reads: newReads(cfg), shown: &Shown{changed: cfg.Changed}}
}

// Reads are those of files that are not all here.
func (t *Tree) Reads() *Reads { return t.reads }

// Shown is what the kernel was told of how much is here.
func (t *Tree) Shown() *Shown { return t.shown }

// Node is an entry with what it is an entry of.
type Node struct {
	p2fs.Entry
	Shared  *union.Entry // of a member's file or directory
	Torrent *TorrentFile // of a torrent's file
}

// Lookup is part of fs.Tree.
func (t *Tree) Lookup(_ context.Context, path string) (p2fs.Entry, error) {
	n, err := t.Find(path)
	t.shown.note(n, path)
	return n.Entry, err
}

// Find looks a path up in the part of the tree that it lies in.
func (t *Tree) Find(path string) (Node, error) {
	first, rest, _ := strings.Cut(path, "/")
	if first != SpecialDir {
		return t.inView(t.cfg.Drive.View(), path)
	}
	part, rest, _ := strings.Cut(rest, "/")
	switch {
	case part == "":
		return dirNode(SpecialDir, true), nil
	case part == StatusFile && rest == "":
		return Node{Entry: p2fs.Entry{Name: StatusFile, Kind: p2fs.File, Volatile: true, MTime: time.Now()}}, nil
	case part == MembersDir && rest == "", part == TorrentsDir && rest == "":
		return dirNode(part, false), nil
	case part == MembersDir:
		return t.inMember(rest)
	case part == TorrentsDir:
		return t.cfg.Torrents.find(rest)
	}
	return Node{}, fs.ErrNotExist
}

func dirNode(name string, hidden bool) Node {
	return Node{Entry: p2fs.Entry{Name: name, Kind: p2fs.Dir, Hidden: hidden}}
}

func (t *Tree) inView(v *union.View, path string) (Node, error) {
	e, err := v.Lookup(path)
	if err != nil {
		return Node{}, err
	}
	return t.node(&e), nil
}

func (t *Tree) inMember(path string) (Node, error) {
	name, rest, _ := strings.Cut(path, "/")
	v, ok := t.member(name)
	switch {
	case !ok:
		return Node{}, fs.ErrNotExist
	case rest == "":
		return dirNode(name, false), nil
	}
	return t.inView(v, rest)
}

// node is a catalogue entry as the mount shows it.
func (t *Tree) node(e *union.Entry) Node {
	n := Node{Shared: e, Entry: p2fs.Entry{Name: e.Name, MTime: e.MTime}}
	switch e.Kind {
	case catalog.KindDir:
		n.Kind = p2fs.Dir
	case catalog.KindSymlink:
		n.Kind, n.Target = p2fs.Symlink, e.Target
	default:
		n.Kind, n.Size, n.Exec, n.Content = p2fs.File, e.Size, e.Exec, shownAs(content(e))
		n.Local = t.cfg.Files.Local(e)
	}
	return n
}

// shownAs names a file's content to the kernel's side: what has another size is
// another file, though it has the same root.
func shownAs(c metainfo.Content) [32]byte {
	return sha256.Sum256(binary.BigEndian.AppendUint64(c.Root[:], uint64(c.Size)))
}

// content is that of a member's file.
func content(e *union.Entry) metainfo.Content {
	return metainfo.Content{Root: e.Root, Size: e.Size}
}

// ReadDir is part of fs.Tree.
func (t *Tree) ReadDir(_ context.Context, path string) ([]p2fs.Entry, error) {
	first, rest, _ := strings.Cut(path, "/")
	if first != SpecialDir {
		return t.list(t.cfg.Drive.View(), path, path)
	}
	part, rest, _ := strings.Cut(rest, "/")
	switch {
	case part == "":
		return []p2fs.Entry{dirNode(MembersDir, false).Entry, {Name: StatusFile, Volatile: true}, dirNode(TorrentsDir, false).Entry}, nil
	case part == MembersDir && rest == "":
		var out []p2fs.Entry
		for _, name := range t.members() {
			out = append(out, dirNode(name, false).Entry)
		}
		return out, nil
	case part == MembersDir:
		name, rest, _ := strings.Cut(rest, "/")
		if v, ok := t.member(name); ok {
			return t.list(v, rest, path)
		}
	case part == TorrentsDir:
		out, err := t.cfg.Torrents.list(rest)
		for i := range out {
			t.shown.note(Node{Entry: out[i]}, path+"/"+out[i].Name)
		}
		return out, err
	}
	return nil, fs.ErrNotExist
}

// list returns the entries of a directory of v, which the mount shows at under.
// What it says of them the kernel may keep, as what Lookup does.
func (t *Tree) list(v *union.View, path, under string) ([]p2fs.Entry, error) {
	entries, err := v.ReadDir(path)
	if err != nil {
		return nil, err
	}
	out := make([]p2fs.Entry, len(entries))
	for i := range entries {
		n := t.node(&entries[i])
		t.shown.note(n, strings.TrimPrefix(under+"/"+n.Name, "/"))
		out[i] = n.Entry
	}
	return out, nil
}

// Open is part of fs.Tree.
func (t *Tree) Open(_ context.Context, path string, content [32]byte) (p2fs.Content, error) {
	n, err := t.Find(path)
	switch {
	case err != nil:
		return nil, err
	case n.Volatile:
		text, err := t.cfg.Status()
		return Text(text), err
	case n.Content != content:
		return nil, p2fs.ErrStale
	case n.Torrent != nil:
		return t.reads.reading(n.Torrent.Open(), path, n), nil
	}
	c, err := t.cfg.Files.Open(n.Shared)
	if err != nil || n.Local == n.Size {
		return c, err
	}
	return t.reads.reading(c, path, n), nil
}

// StatFS is part of fs.Tree.
func (t *Tree) StatFS() p2fs.Usage { return t.cfg.Usage() }

// member is the tree of the member whose directory name that is.
func (t *Tree) member(name string) (*union.View, bool) {
	v := t.cfg.Drive.View()
	for _, who := range v.Members() {
		if who.Dir == name {
			return v.Member(who.Key)
		}
	}
	return nil, false
}

// members are the names of members' directories.
func (t *Tree) members() (out []string) {
	listed := t.cfg.Drive.Listed()
	for _, who := range t.cfg.Drive.View().Members() {
		if listed[who.Key] {
			out = append(out, who.Dir)
		}
	}
	return out
}

// Text is a content that is all there.
type Text string

// ReadAt is part of fs.Content.
func (t Text) ReadAt(_ context.Context, p []byte, off int64) (int, error) {
	return strings.NewReader(string(t)).ReadAt(p, off)
}

// Close is part of fs.Content.
func (Text) Close() error { return nil }
