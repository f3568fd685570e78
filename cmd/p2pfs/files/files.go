//go:build linux

// Package files reads and serves the files of a drive's members: from the share
// directory, from the cache, and from those who have them. It says how the torrent of
// each is run, and knows neither mounts nor who the members are.
package files

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"p2pfs/cache"
	"p2pfs/cmd/p2pfs/tree"
	p2fs "p2pfs/fs"
	"p2pfs/swarm"
	"p2pfs/swarm/catalog/union"
	"p2pfs/swarm/drive"
	"p2pfs/swarm/guard"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/held"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/share"
)

const (
	// maxTiny is the size up to which a file is also an object of the
	// catalogue: its pieces root is its SHA-256.
	maxTiny = hashing.BlockSize
	// objectWait is how long a tiny file is waited for among the members
	// before its swarm is asked too.
	objectWait = 2 * time.Second
	// idleTorrent is how long the swarm of a file that nobody reads or
	// asks us for is kept.
	idleTorrent = time.Minute
)

// ContentOf is the content of a member's file.
func ContentOf(e *union.Entry) metainfo.Content {
	return metainfo.Content{Root: e.Root, Size: e.Size}
}

// Files reads members' files, of one drive. It is a tree.Files.
type Files struct {
	Specs  *Specs
	Share  *share.Share
	Cache  *cache.Store
	Index  *held.Index
	Twins  *Twins
	Client func() *swarm.Client
	Drive  func() *drive.Drive
	Guard  *guard.Guard
	Log    *slog.Logger
}

// Open opens a member's file: from our own share directory if it is there,
// else through the cache and the members that hold it.
func (m *Files) Open(e *union.Entry) (p2fs.Content, error) {
	switch {
	case e.Size == 0:
		return tree.Text(""), nil
	case e.Size <= maxTiny:
		return &tinyFile{m: m, file: newSwarmFile(m, e)}, nil
	}
	if _, ok := m.Share.ByContent(ContentOf(e)); ok {
		// Kept open, so that it can be read although its name is removed.
		if r, err := m.Share.Reader(ContentOf(e)); err == nil && r.Keep() == nil {
			return &ownFile{r: r, file: newSwarmFile(m, e)}, nil
		}
	}
	return newSwarmFile(m, e), nil
}

// ownFile is a file of our own share directory. One that changes while it is
// open is read from other holders, as it was published.
type ownFile struct {
	r    *share.Reader
	file *swarmFile
}

func (f *ownFile) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	n, err := f.r.ReadAt(p, off)
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	return f.file.ReadAt(ctx, p, off)
}

func (f *ownFile) Close() error { return errors.Join(f.r.Close(), f.file.Close()) }

// tinyFile is a file that travels as an object between members.
type tinyFile struct {
	m    *Files
	file *swarmFile

	mu   sync.Mutex // guards data
	data []byte
}

func (f *tinyFile) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	data, err := f.load(ctx)
	if err != nil {
		return f.file.ReadAt(ctx, p, off)
	}
	return bytes.NewReader(data).ReadAt(p, off)
}

// load reads the file from the share directory, the cache, or another member.
func (f *tinyFile) load(ctx context.Context) ([]byte, error) {
	f.mu.Lock()
	data := f.data
	f.mu.Unlock()
	if data != nil {
		return data, nil
	}
	data, err := f.m.tiny(ctx, f.file)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.data = data
	f.mu.Unlock()
	return data, nil
}

func (f *tinyFile) Close() error { return f.file.Close() }

// tiny returns a file of at most maxTiny bytes.
func (m *Files) tiny(ctx context.Context, f *swarmFile) ([]byte, error) {
	if data, ok := m.localTiny(f.of.Root); ok && int64(len(data)) == f.of.Size {
		return data, nil
	}
	ctx, cancel := context.WithTimeout(ctx, objectWait)
	defer cancel()
	data, err := m.Drive().Object(ctx, f.of.Root, f.sources...)
	if err != nil {
		return nil, err
	}
	if int64(len(data)) != f.of.Size {
		return nil, errors.New("file is not as long as its catalogue entry says")
	}
	if err := m.Cache.Put(held.RootKey(f.of.Root), [][]byte{data}); err != nil {
		m.Log.Debug("tiny file not cached", "err", err)
	}
	return data, nil
}

// localTiny is a tiny file that is on this machine, for us and for others, by
// its SHA-256.
func (m *Files) localTiny(root metainfo.Hash256) ([]byte, bool) {
	if f, ok := m.Share.Object(root); ok {
		if r, err := m.Share.Reader(f.Content()); err == nil {
			defer r.Close()
			buf := make([]byte, f.Size)
			if n, err := r.ReadAt(buf, 0); int64(n) == f.Size && (err == nil || err == io.EOF) {
				return buf[:n], true
			}
		}
	}
	k := held.RootKey(root)
	size, ok := m.Cache.Size(k)
	if !ok || size > maxTiny {
		return nil, false
	}
	buf := make([]byte, size)
	n, err := m.Cache.ReadAt(k, buf, 0)
	return buf[:n], err == nil
}

// Local is how many bytes of a member's file are on this machine.
func (m *Files) Local(e *union.Entry) int64 {
	if e.Size == 0 {
		return 0
	}
	if _, ok := m.Share.ByContent(ContentOf(e)); ok {
		return e.Size
	}
	return m.Index.Local(ContentOf(e))
}

// Torrent is part of tree.Files.
func (m *Files) Torrent(e *union.Entry) *swarm.Torrent {
	if e.Size == 0 {
		return nil
	}
	return m.Client().Torrent(metainfo.InfoHashV2(e.Published, ContentOf(e)).Short())
}

// Magnet is part of tree.Files.
func (m *Files) Magnet(e *union.Entry) string {
	magnet := metainfo.Magnet{HasV1: true, V1: e.V1, Name: e.Published, Length: e.Size, Trackers: m.Specs.Trackers.Public(nil)}
	return magnet.String()
}
