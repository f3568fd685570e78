package state

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"p2pfs/swarm/durable"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
)

const (
	// maxAsked bounds the shared files that are announced for clients who are
	// no members.
	maxAsked = 200
	// askedLife is how long one is announced after it was last asked for.
	askedLife = 30 * 24 * time.Hour
	// saveAsked is how often the list is written on account of strangers.
	saveAsked = time.Minute
)

// Asked remembers the infohashes of shared files that somebody wants to
// fetch with an ordinary client: those are announced. When there are too many
// the one asked for longest ago goes; those that peers asked for, of which a
// stranger can make as many as he likes, never push out those that the user
// asked for. Safe for concurrent use.
type Asked struct {
	path string

	mu     sync.Mutex // guards what follows and the file
	hashes map[metainfo.Hash]ask
	saved  time.Time
	dirty  bool // the file says something else
}

// ask is when an infohash was last asked for, and whether by the user.
type ask struct {
	at   time.Time
	user bool
}

// OpenAsked reads the list at path: infohash, Unix time, and "user" or "peer" a
// line. Older versions wrote the infohash alone.
func OpenAsked(path string, now time.Time) (*Asked, error) {
	a := &Asked{path: path, hashes: map[metainfo.Hash]ask{}}
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for line := range strings.Lines(string(data)) {
		var hash, who string
		var at int64
		n, _ := fmt.Sscan(line, &hash, &at, &who)
		ih, err := hashing.ParseHash(hash)
		switch {
		case err != nil:
			continue
		case n == 1:
			at = now.Unix()
		}
		a.hashes[ih] = ask{time.Unix(min(at, now.Unix()), 0), who == "user"}
	}
	a.trim(now)
	return a, nil
}

func (a *Asked) Has(ih metainfo.Hash) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.hashes[ih]
	return ok
}

// All are the infohashes asked for.
func (a *Asked) All() (out []metainfo.Hash) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for ih := range a.hashes {
		out = append(out, ih)
	}
	return out
}

// Add remembers an infohash, also over a restart, and returns those that it
// pushed out.
func (a *Asked) Add(ih metainfo.Hash, user bool, used func(metainfo.Hash) bool, now time.Time) (gone []metainfo.Hash, err error) {
	if len(a.All()) >= maxAsked { // one goes: not this one, and none that is being fetched
		a.touch(used, 0, now.Add(-time.Millisecond))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	old, known := a.hashes[ih]
	a.hashes[ih] = ask{now, user || old.user}
	a.dirty = true
	gone = a.trim(now)
	if user && !(known && old.user) || now.Sub(a.saved) >= saveAsked {
		err = a.save(now)
	}
	return gone, err
}

// Expire forgets what was not asked for in a long time, and returns it. used
// tells of one whether somebody is just fetching it, which counts as asking.
func (a *Asked) Expire(used func(metainfo.Hash) bool, now time.Time) (gone []metainfo.Hash) {
	a.touch(used, time.Hour, now)
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.trim(now)
}

// touch counts as asked for now what is used and was last asked for longer ago.
func (a *Asked) touch(used func(metainfo.Hash) bool, ago time.Duration, now time.Time) {
	for _, ih := range a.All() {
		if !used(ih) {
			continue
		}
		a.mu.Lock()
		if old, ok := a.hashes[ih]; ok && now.Sub(old.at) > ago {
			a.hashes[ih], a.dirty = ask{now, old.user}, true
		}
		a.mu.Unlock()
	}
}

// trim forgets what is too old or too much. mu is held, or nobody else knows a.
func (a *Asked) trim(now time.Time) (gone []metainfo.Hash) {
	list := make([]metainfo.Hash, 0, len(a.hashes))
	for ih := range a.hashes {
		list = append(list, ih)
	}
	slices.SortFunc(list, func(x, y metainfo.Hash) int { // whoever goes last stands last
		p, q := a.hashes[x], a.hashes[y]
		if p.user != q.user {
			if q.user {
				return -1
			}
			return 1
		}
		return cmp.Or(p.at.Compare(q.at), slices.Compare(x[:], y[:]))
	})
	for i, ih := range list {
		if len(list)-i > maxAsked || now.Sub(a.hashes[ih].at) > askedLife {
			delete(a.hashes, ih)
			a.dirty = true
			gone = append(gone, ih)
		}
	}
	return gone
}

// Flush writes the list if it has changed.
func (a *Asked) Flush(now time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.dirty {
		return nil
	}
	return a.save(now)
}

// save writes the list. mu is held.
func (a *Asked) save(now time.Time) error {
	var b strings.Builder
	for ih, ask := range a.hashes {
		who := "peer"
		if ask.user {
			who = "user"
		}
		fmt.Fprintf(&b, "%v %d %s\n", ih, ask.at.Unix(), who)
	}
	a.saved, a.dirty = now, false // an error is told once, not at each handshake
	return durable.WriteFile(a.path, []byte(b.String()), 0o600)
}
