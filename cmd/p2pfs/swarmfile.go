//go:build linux

package main

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"p2pfs/swarm"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/union"
	"p2pfs/swarm/metainfo"
)

// swarmFile is a file that is read from its v2 swarm. The torrent is begun
// when the first byte is read, and again when it has ended for idleness.
type swarmFile struct {
	m       *member
	name    string
	of      metainfo.Content
	sources []catalog.Key // members who publish it
	twin    *twin         // its v1 torrent; nil if that is not known

	mu     sync.Mutex // guards what follows
	reader *swarm.Reader
	v2of   *swarm.Torrent
	v1     *swarm.Reader // of the twin, once that is asked
	v1of   *swarm.Torrent
}

func newSwarmFile(m *member, e *union.Entry) *swarmFile {
	f := &swarmFile{m: m, name: e.Published, of: contentOf(e), sources: e.Sources}
	f.twin = m.twins.of(f.name, f.of, e.V1)
	return f
}

func (f *swarmFile) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	defer f.besides(ctx, off, int64(len(p)))()
	for again := false; ; again = true {
		began := time.Now()
		r, err := f.open(again)
		if err != nil {
			return 0, err
		}
		n, err := r.ReadAt(ctx, p, off)
		if errors.Is(err, swarm.ErrTimeout) && f.twin != nil && f.twin.progressed(began) {
			continue // the v1 swarm gives it
		}
		if !errors.Is(err, swarm.ErrClosed) || again {
			return n, err
		}
	}
}

// open returns a reader of a torrent that has not ended. After one has, the file
// may have come into the share directory.
func (f *swarmFile) open(again bool) (*swarm.Reader, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reader != nil && f.v2of.Err() == nil {
		return f.reader, nil
	}
	spec, shared := swarm.Spec{}, false
	if again {
		spec, shared = f.m.sharedSpec(f.of)
	}
	if !shared {
		var err error
		if spec, err = f.m.driveSpec(f.name, f.of, f.sources...); err != nil {
			return nil, err
		}
	}
	var err error
	if f.v2of, err = f.m.client.Add(spec); err != nil {
		return nil, err
	}
	f.reader = f.v2of.NewReader(0)
	return f.reader, nil
}

// Lend is part of fs.Resident.
func (f *swarmFile) Lend(off int64, n int) ([][]byte, func(), bool) {
	f.mu.Lock()
	r := f.reader
	f.mu.Unlock()
	if r == nil {
		return nil, nil, false
	}
	return r.Lend(off, n)
}

// Present is part of fs.Partial.
func (f *swarmFile) Present(off, n int64) bool {
	f.mu.Lock()
	r := f.reader
	f.mu.Unlock()
	return r != nil && r.Present(off, n)
}

func (f *swarmFile) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.v1 != nil {
		f.v1.Close()
	}
	if f.reader != nil {
		return f.reader.Close()
	}
	return nil
}

// driveSpec is the v2 torrent of a shared file: a catalogue entry is enough to
// make it. Publishers are asked for it first.
func (m *member) driveSpec(name string, of metainfo.Content, publishers ...catalog.Key) (swarm.Spec, error) {
	info, err := metainfo.BuildV2(name, of.Size, metainfo.PieceLength(of.Size), of.Root, metainfo.Options{})
	if err != nil {
		return swarm.Spec{}, err
	}
	return swarm.Spec{
		MetaInfo:    &metainfo.MetaInfo{Info: info, Layers: m.holdings.index.Layers(of)},
		Storage:     m.fileStorage,
		Trackers:    m.trackers.urls(),
		Announce:    swarm.OnNeed,
		ReadTimeout: m.cfg.readTimeout,
		Idle:        idleTorrent,
		FindPeers:   func(ctx context.Context) []netip.AddrPort { return m.holders(ctx, of, publishers...) },
	}, nil
}

// holders asks the members who holds a file, the surest first: its publishers.
func (m *member) holders(ctx context.Context, of metainfo.Content, publishers ...catalog.Key) []netip.AddrPort {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	found, err := m.drive.Load().Who(ctx, of, publishers...)
	if err != nil {
		m.log.Debug("asking for holders", "root", of.Root, "err", err)
	}
	var out []netip.AddrPort
	for _, h := range found {
		if h.Addr.IsValid() {
			out = append(out, h.Addr)
		}
	}
	return out
}
