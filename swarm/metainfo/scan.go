package metainfo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/names"
)

// source is a file to make a torrent of.
type source struct {
	name    string // below the root, slash separated
	path    []string
	length  int64
	exec    bool
	symlink []string
	info    fs.FileInfo // as found, to see whether it changes
}

// sources is what lies under a path, in the order of a file tree.
type sources struct {
	name   string // of the torrent
	single bool
	root   *os.Root // what files are opened through
	files  []source
	length int64 // sum
}

// scan finds what is at path: a file, or a directory with at least one file.
// Empty directories have no form in a torrent and are left out. What cannot
// go into a torrent (a FIFO, a link that leaves, a name that is not UTF-8) is
// an error: a torrent that lacks it silently would be worse.
func scan(ctx context.Context, name string) (*sources, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	fi, err := os.Stat(abs)
	if err != nil {
		return nil, err
	}
	s := &sources{name: filepath.Base(abs), single: !fi.IsDir()}
	if err := names.Check([]byte(s.name)); err != nil {
		return nil, err
	}
	dir := abs
	if s.single {
		dir = filepath.Dir(abs)
	}
	if s.root, err = os.OpenRoot(dir); err != nil {
		return nil, err
	}
	if s.single {
		err = s.addFile(s.name, fi)
	} else {
		err = s.addDir(ctx)
	}
	if err == nil && len(s.files) == 0 {
		err = fmt.Errorf("%s: no files in it", name)
	}
	if err != nil {
		s.root.Close()
		return nil, err
	}
	return s, nil
}

func (s *sources) addDir(ctx context.Context) error {
	// WalkDir sorts by name within each directory, as a file tree does.
	return fs.WalkDir(s.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || d.IsDir() {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		if len(s.files) == MaxFiles {
			return fmt.Errorf("more than %d files", MaxFiles)
		}
		return s.addFile(name, fi)
	})
}

func (s *sources) addFile(name string, fi fs.FileInfo) error {
	f := source{name: name, path: strings.Split(name, "/"), info: fi}
	var err error
	switch {
	case fi.Mode().IsRegular():
		f.length, f.exec = fi.Size(), fi.Mode()&0o111 != 0
	case fi.Mode()&fs.ModeSymlink != 0:
		f.symlink, err = s.target(name)
	default:
		err = errors.New("neither a file nor a directory nor a link")
	}
	if err == nil {
		err = checkPath(f.path)
	}
	if err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	s.length += f.length
	s.files = append(s.files, f)
	return nil
}

// target returns where a link leads, from the root.
func (s *sources) target(name string) ([]string, error) {
	link, err := s.root.Readlink(filepath.FromSlash(name))
	if err != nil {
		return nil, err
	}
	link = filepath.ToSlash(link)
	to := path.Join(path.Dir(name), link)
	if path.IsAbs(link) || !filepath.IsLocal(to) || to == "." {
		return nil, fmt.Errorf("a link that leaves the directory (to %q)", link)
	}
	list := strings.Split(to, "/")
	return list, checkPath(list)
}

func checkPath(list []string) error {
	var size pathSize
	for _, name := range list {
		if err := size.add([]byte(name)); err != nil {
			return err
		}
	}
	return nil
}

// open opens a file and checks that it is still what was found.
func (s *sources) open(f *source) (*os.File, error) {
	file, err := s.root.Open(filepath.FromSlash(f.name))
	if err != nil {
		return nil, err
	}
	if err := f.unchanged(file); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// unchanged returns an error that wraps hashing.ErrLength if the file is no longer as
// it was found.
func (f *source) unchanged(file *os.File) error {
	fi, err := file.Stat()
	if err != nil {
		return err
	}
	if !fi.Mode().IsRegular() || fi.Size() != f.length || !fi.ModTime().Equal(f.info.ModTime()) {
		return fmt.Errorf("%q changed while it was hashed: %w", f.name, hashing.ErrLength)
	}
	return nil
}
