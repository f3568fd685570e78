package cache

import (
	"log/slog"
	"sync"
)

// place is the directory that the pieces are in. Somebody may remove it while
// the store runs: then it is made again.
type place struct {
	open   func(path string) (directory, error)
	faults *faultLog
	log    *slog.Logger
	path   string // absolute; immutable after start

	// reviving is held while a directory that was removed is made again. It
	// is not mu because that takes input and output.
	reviving sync.Mutex

	mu  sync.RWMutex // guards dir; taken before table.mu
	dir directory
}

// directory returns the directory of the moment.
func (p *place) directory() directory {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.dir
}

// start opens the directory at path and returns the pieces in it.
func (p *place) start(path string) ([]found, error) {
	p.path = path
	dir, pieces, err := p.enter()
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dir = dir
	return pieces, nil
}

// enter opens the directory and lists it.
func (p *place) enter() (directory, []found, error) {
	dir, err := p.open(p.path)
	if err != nil {
		return nil, nil, err
	}
	var pieces []found
	if err = checkFormat(dir); err == nil {
		if err := dir.Remove(cleanName); err != nil && !isNotExist(err) {
			p.faults.note("remove", err) // earlier versions would believe it
		}
		pieces, err = scan(dir, p.faults.note)
	}
	if err != nil {
		dir.Close()
		return nil, nil, err
	}
	return dir, pieces, nil
}

// revive replaces old, which was removed under us, by a new directory of the same
// path, unless somebody else has done so. It calls in with the pieces that stand
// in that, before anybody else sees it; in does not ask for the directory.
func (p *place) revive(old directory, in func(pieces []found)) error {
	p.reviving.Lock()
	defer p.reviving.Unlock()
	if p.directory() != old {
		return nil
	}
	dir, pieces, err := p.enter()
	if err != nil {
		return err
	}
	p.log.Warn("cache directory was removed, made it again", "dir", p.path)
	p.mu.Lock()
	p.dir = dir
	in(pieces)
	p.mu.Unlock()
	old.Close()
	return nil
}
