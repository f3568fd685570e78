package kv

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"

	"p2pfs/swarm/durable"
)

const (
	asideMark = ".damaged"
	asideTime = "-20060102T150405Z"
)

// replace sets the damaged file aside and begins a new one.
func (c *Config) replace(cause error) (*bolt.DB, error) {
	aside := c.Path + asideMark + time.Now().UTC().Format(asideTime)
	if err := os.Rename(c.Path, aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	c.Log.Warn(c.Name+" database is damaged: set aside, a new one is begun", "path", c.Path, "to", aside, "err", cause)
	c.dropAside(aside)
	if err := durable.SyncDir(filepath.Dir(c.Path)); err != nil {
		return nil, err
	}
	return c.open()
}

// dropAside removes what was set aside before, so that damage that comes again
// and again does not fill the disk.
func (c *Config) dropAside(keep string) {
	dir, base := filepath.Split(keep)
	prefix, _, _ := strings.Cut(base, asideMark)
	entries, err := os.ReadDir(filepath.Clean(dir + "."))
	if err != nil {
		return
	}
	for _, e := range entries {
		old := strings.HasPrefix(e.Name(), prefix+asideMark) || e.Name() == prefix+".broken" // of the first version
		if old && e.Name() != base {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				c.Log.Warn("damaged database of earlier not removed", "err", fmt.Errorf("%s: %w", e.Name(), err))
			}
		}
	}
}
