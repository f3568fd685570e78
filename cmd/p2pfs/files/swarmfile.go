//go:build linux

package files

import (
	"context"
	"errors"
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
	m       *Files
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

func newSwarmFile(m *Files, e *union.Entry) *swarmFile {
	f := &swarmFile{m: m, name: e.Published, of: ContentOf(e), sources: e.Sources}
	f.twin = m.Twins.Of(f.name, f.of, e.V1)
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
		spec, shared = f.m.Specs.sharedSpec(f.of)
	}
	if !shared {
		var err error
		if spec, err = f.m.Specs.DriveSpec(f.name, f.of, f.sources...); err != nil {
			return nil, err
		}
	}
	var err error
	if f.v2of, err = f.m.Client().Add(spec); err != nil {
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
