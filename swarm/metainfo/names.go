package metainfo

import (
	"bytes"
	"errors"
	"fmt"
	"sort"
	"strings"

	"p2pfs/swarm/bencode"
	"p2pfs/swarm/names"
)

// pathSize counts a path while its components are checked.
type pathSize struct {
	comps, bytes int // bytes without slashes
}

func (p *pathSize) add(name []byte) error {
	if err := names.Check(name); err != nil {
		return err
	}
	p.comps++
	p.bytes += len(name)
	if p.comps > names.MaxDepth {
		return fmt.Errorf("path of more than %d components", names.MaxDepth)
	}
	if p.bytes+p.comps-1 > names.MaxPath {
		return fmt.Errorf("path of more than %d bytes", names.MaxPath)
	}
	return nil
}

// measurePath checks a list of names, and that it is not empty.
func measurePath(path []byte) (size pathSize, err error) {
	c := bencode.Walk(path)
	err = c.List(func() error {
		name, err := c.Bytes()
		if err != nil {
			return err
		}
		return size.add(name)
	})
	if err == nil && size.comps == 0 {
		err = errors.New("empty path")
	}
	return size, err
}

// nameStore holds all names and paths of a torrent in two allocations, made
// when their sizes are known.
type nameStore struct {
	text  strings.Builder
	comps []string
}

func newNameStore(size pathSize) *nameStore {
	s := &nameStore{comps: make([]string, 0, size.comps)}
	s.text.Grow(size.bytes)
	return s
}

func (s *nameStore) name(b []byte) string {
	from := s.text.Len()
	s.text.Write(b)
	return s.text.String()[from:]
}

// path stores a list of names that measurePath has passed.
func (s *nameStore) path(raw []byte) ([]string, error) {
	c, from := bencode.Walk(raw), len(s.comps)
	err := c.List(func() error {
		b, err := c.Bytes()
		s.comps = append(s.comps, s.name(b))
		return err
	})
	return s.comps[from:len(s.comps):len(s.comps)], err
}

// join stores a path whose names are stored.
func (s *nameStore) join(path []string) []string {
	from := len(s.comps)
	s.comps = append(s.comps, path...)
	return s.comps[from:len(s.comps):len(s.comps)]
}

// comparePaths orders by components, so that a directory comes right before
// what is in it.
func comparePaths(a, b []string) int {
	for i := range min(len(a), len(b)) {
		if c := strings.Compare(a[i], b[i]); c != 0 {
			return c
		}
	}
	return len(a) - len(b)
}

// checkClashes refuses two files of one path, and files that are directories
// of others.
func checkClashes(files []File) error {
	order := make([]int32, 0, len(files))
	for i := range files {
		if !files[i].Pad {
			order = append(order, int32(i))
		}
	}
	sort.Sort(pathOrder{files, order})
	for k := 1; k < len(order); k++ {
		a, b := files[order[k-1]].Path, files[order[k]].Path
		if len(a) <= len(b) && comparePaths(a, b[:len(a)]) == 0 {
			return badInfo("two files at %q", strings.Join(a, "/"))
		}
	}
	return nil
}

// pathOrder sorts indexes of files by their paths.
type pathOrder struct {
	files []File
	order []int32
}

func (o pathOrder) Len() int      { return len(o.order) }
func (o pathOrder) Swap(i, j int) { o.order[i], o.order[j] = o.order[j], o.order[i] }
func (o pathOrder) Less(i, j int) bool {
	return comparePaths(o.files[o.order[i]].Path, o.files[o.order[j]].Path) < 0
}

// attributes reads BEP 47's attr.
func attributes(attr []byte) (exec, link, pad bool) {
	has := func(c byte) bool { return bytes.IndexByte(attr, c) >= 0 }
	return has('x'), has('l'), has('p')
}
