//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"p2pfs/cache"
	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/share"
)

// verifyPaths hashes what stands on disk of the files at or below a location:
// what the cache has, and those of the share directory.
func verifyPaths(ctx context.Context, m *member, at control.Location, t *control.Tally) error {
	if at.Share {
		files := sharedBelow(m.share, at.Path)
		if len(files) == 0 && at.Path != "" {
			return errNotPublished
		}
		return verifyShared(ctx, m, files, t)
	}
	all, err := m.keptAt(ctx, at.Path)
	if err != nil {
		return err
	}
	var cached []*kept
	var own []share.File
	seen := map[metainfo.Content]bool{}
	for _, k := range all {
		if !k.own {
			cached = append(cached, k)
			continue
		}
		c := k.Info.Content(k.Index)
		if f, ok := m.share.ByContent(c); ok && !seen[c] {
			seen[c] = true
			own = append(own, f)
		}
	}
	if err := verifyCached(ctx, m, cached, t); err != nil {
		return err
	}
	return verifyShared(ctx, m, own, t)
}

// sharedBelow lists the regular files at or below a path of the share directory.
func sharedBelow(s *share.Share, at string) (out []share.File) {
	for _, f := range s.Files() {
		if f.Kind == share.Regular && f.Size > 0 && (at == "" || f.Path == at || strings.HasPrefix(f.Path, at+"/")) {
			out = append(out, f)
		}
	}
	return out
}

// verifyShared hashes files of the share directory. One that is not what was
// published is hashed anew, and so published as what it is.
func verifyShared(ctx context.Context, m *member, files []share.File, t *control.Tally) error {
	for _, f := range files {
		t.Add(func(r *control.Report) { r.Files++; r.Bytes += f.Size })
	}
	for _, f := range files {
		left := f.Size
		err := m.share.Verify(ctx, f, func(n int64) {
			left -= n
			t.Add(func(r *control.Report) { r.Pieces++; r.Done += n })
		})
		changed := errors.Is(err, share.ErrChanged)
		if err != nil && !changed && !errors.Is(err, fs.ErrNotExist) { // it may have gone since
			return fmt.Errorf("%s: %w", human.Quoted(f.Path), err)
		}
		t.Add(func(r *control.Report) {
			r.Done += left
			if changed {
				r.Changed++
				r.Paths = append(r.Paths, f.Path)
			}
		})
	}
	return nil
}

// verifyCached hashes what the cache has of files.
func verifyCached(ctx context.Context, m *member, files []*kept, t *control.Tally) error {
	here := make(map[*kept][]keptPiece, len(files))
	for _, k := range files {
		t.Add(func(r *control.Report) { r.Files++ })
		for _, p := range m.pieces(k) {
			if p.held {
				here[k] = append(here[k], p)
				t.Add(func(r *control.Report) { r.Bytes += p.Len })
			}
		}
	}
	for _, k := range files {
		bad := false
		for _, p := range here[k] {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			err := m.cache.Verify(p.key)
			gone := errors.Is(err, cache.ErrMissing)
			if err != nil && !gone {
				return fmt.Errorf("%s: %w", human.Quoted(k.Path), err)
			}
			isBad := gone && err != cache.ErrMissing // else it was evicted meanwhile
			bad = bad || isBad
			t.Add(func(r *control.Report) {
				r.Pieces++
				r.Done += p.Len
				if isBad {
					r.Bad++
				}
			})
		}
		if bad {
			t.Add(func(r *control.Report) { r.Paths = append(r.Paths, k.Path) })
		}
	}
	return nil
}
