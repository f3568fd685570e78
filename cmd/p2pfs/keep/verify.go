//go:build linux

package keep

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

// ErrNotPublished is a file of a share directory that is not shared (yet).
var ErrNotPublished = errors.New("not published: it is being hashed, still written to, or ignored")

// verify hashes what stands on disk of the files at or below a location:
// what the cache has, and those of the share directory.
func (k *Keeper) verify(ctx context.Context, at control.Location, t *control.Tally) error {
	if at.Share {
		files := sharedBelow(k.cfg.Shares.Files(), at.Path)
		if len(files) == 0 && at.Path != "" {
			return ErrNotPublished
		}
		return k.verifyShared(ctx, files, t)
	}
	all, err := k.filesAt(ctx, at.Path)
	if err != nil {
		return err
	}
	var cached []*file
	var own []share.File
	seen := map[metainfo.Content]bool{}
	for _, f := range all {
		if !f.own {
			cached = append(cached, f)
			continue
		}
		c := f.Info.Content(f.Index)
		if f, ok := k.cfg.Shares.ByContent(c); ok && !seen[c] {
			seen[c] = true
			own = append(own, f)
		}
	}
	if err := k.verifyCached(ctx, cached, t); err != nil {
		return err
	}
	return k.verifyShared(ctx, own, t)
}

// sharedBelow lists the regular files at or below a path of the share directory.
func sharedBelow(files []share.File, at string) (out []share.File) {
	for _, f := range files {
		if f.Kind == share.Regular && f.Size > 0 && (at == "" || f.Path == at || strings.HasPrefix(f.Path, at+"/")) {
			out = append(out, f)
		}
	}
	return out
}

// verifyShared hashes files of the share directory. One that is not what was
// published is hashed anew, and so published as what it is.
func (k *Keeper) verifyShared(ctx context.Context, files []share.File, t *control.Tally) error {
	for _, f := range files {
		t.Add(func(r *control.Report) { r.Files++; r.Bytes += f.Size })
	}
	for _, f := range files {
		left := f.Size
		err := k.cfg.Shares.Verify(ctx, f, func(n int64) {
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
func (k *Keeper) verifyCached(ctx context.Context, files []*file, t *control.Tally) error {
	here := make(map[*file][]piece, len(files))
	for _, f := range files {
		t.Add(func(r *control.Report) { r.Files++ })
		for _, p := range k.pieces(f) {
			if p.held {
				here[f] = append(here[f], p)
				t.Add(func(r *control.Report) { r.Bytes += p.Len })
			}
		}
	}
	for _, f := range files {
		bad := false
		for _, p := range here[f] {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			err := k.cfg.Cache.Verify(p.key)
			gone := errors.Is(err, cache.ErrMissing)
			if err != nil && !gone {
				return fmt.Errorf("%s: %w", human.Quoted(f.Path), err)
			}
			isBad := errors.Is(err, cache.ErrBad) // one that is gone was evicted meanwhile
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
			t.Add(func(r *control.Report) { r.Paths = append(r.Paths, f.Path) })
		}
	}
	return nil
}
