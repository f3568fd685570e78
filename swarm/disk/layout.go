package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"p2pfs/swarm/metainfo"
)

// layout is where a torrent's files are. It is immutable.
type layout struct {
	info    *metainfo.Info
	root    *os.Root
	content string   // path of the file, or of the directory of the files
	paths   []string // of each file below root; "" for pad files
}

// openLayout finds the directory that everything lies in, and where in it.
func openLayout(cfg *Config) (l layout, err error) {
	l.info = cfg.MetaInfo.Info
	dir, prefix := cfg.Dir, l.info.Name
	if dir == "" {
		dir, prefix, err = locate(cfg.Data, l.info)
	} else {
		err = os.MkdirAll(dir, 0o777)
	}
	if err != nil {
		return l, err
	}
	if l.root, err = os.OpenRoot(dir); err != nil {
		return l, err
	}
	l.content = filepath.Join(dir, prefix)
	l.paths = make([]string, len(l.info.Files))
	for i := range l.info.Files {
		f := &l.info.Files[i]
		if f.Pad {
			continue
		}
		p := prefix
		if !l.info.Single {
			p = filepath.Join(prefix, filepath.Join(f.Path...))
		}
		// ParseInfo has refused such names.
		if own := filepath.Join(f.Path...); !filepath.IsLocal(own) || own == "." || !filepath.IsLocal(p) {
			l.root.Close()
			return l, fmt.Errorf("file name %q leads out of the directory", p)
		}
		l.paths[i] = p
	}
	return l, nil
}

// locate finds the content of a torrent at data: dir is the directory to work
// in, prefix the content's path in it.
func locate(data string, info *metainfo.Info) (dir, prefix string, err error) {
	real, err := filepath.EvalSymlinks(data)
	if err != nil {
		return "", "", err
	}
	fi, err := os.Stat(real)
	if err != nil {
		return "", "", err
	}
	if info.Single && fi.Mode().IsRegular() {
		return filepath.Dir(real), filepath.Base(real), nil
	}
	if !fi.IsDir() {
		return "", "", &fs.PathError{Op: "open", Path: data, Err: ErrNotFile}
	}
	if info.Single {
		return real, info.Name, nil
	}
	if likeness(filepath.Join(real, info.Name), info) > likeness(real, info) {
		return real, info.Name, nil
	}
	return real, ".", nil
}

// likeness returns how many of the first files of a torrent stand below dir
// with their length.
func likeness(dir string, info *metainfo.Info) (n int) {
	for i := range info.Files[:min(len(info.Files), 100)] {
		f := &info.Files[i]
		fi, err := os.Lstat(filepath.Join(dir, filepath.Join(f.Path...)))
		if !f.Pad && err == nil && fi.Mode().IsRegular() && fi.Size() == f.Length {
			n++
		}
	}
	return n
}

// prepare makes what has no bytes: directories, empty files and symlinks.
func (l *layout) prepare() error {
	made := map[string]bool{".": true}
	for i := range l.info.Files {
		f := &l.info.Files[i]
		if f.Pad {
			continue
		}
		dir := filepath.Dir(l.paths[i])
		if !made[dir] {
			if err := l.root.MkdirAll(dir, 0o777); err != nil {
				return l.pathError(i, err)
			}
			made[dir] = true
		}
		var err error
		switch {
		case f.Symlink != nil:
			err = l.link(i)
		case f.Length == 0:
			err = l.touch(i)
		}
		if err != nil {
			return l.pathError(i, err)
		}
	}
	if !l.info.Single && !made[l.info.Name] {
		return l.root.MkdirAll(l.info.Name, 0o777)
	}
	return nil
}

// link makes the symlink that file i is, in the place of another symlink but
// of nothing else.
func (l *layout) link(i int) error {
	f := &l.info.Files[i]
	target, err := filepath.Rel(filepath.Join(f.Path[:len(f.Path)-1]...), filepath.Join(f.Symlink...))
	if err != nil {
		return err
	}
	if old, err := l.root.Readlink(l.paths[i]); err == nil {
		if old == target {
			return nil
		}
		if err := l.root.Remove(l.paths[i]); err != nil {
			return err
		}
	}
	return l.root.Symlink(target, l.paths[i])
}

// touch makes file i of its length, with a hole where it was shorter.
func (l *layout) touch(i int) error {
	f, err := l.openFile(i, true)
	if err != nil {
		return err
	}
	return f.Close()
}

// mode is what file i is created with, before the umask.
func (l *layout) mode(i int) fs.FileMode {
	if l.info.Files[i].Exec {
		return 0o777
	}
	return 0o666
}

// pathError says of err, which need not name it, that it is about file i.
func (l *layout) pathError(i int, err error) error {
	var pe *fs.PathError
	op := "open"
	if errors.As(err, &pe) {
		op, err = pe.Op, pe.Err
	}
	return &fs.PathError{Op: op, Path: filepath.Join(l.root.Name(), l.paths[i]), Err: err}
}

// openFile opens a file, which must be a regular one and no link. For writing
// it creates the file and gives it its length.
func (l *layout) openFile(file int, write bool) (*os.File, error) {
	name := l.paths[file]
	before, err := l.root.Lstat(name)
	if err == nil && !before.Mode().IsRegular() {
		return nil, ErrNotFile
	}
	flag := os.O_RDONLY
	if write {
		flag = os.O_RDWR | os.O_CREATE
	}
	f, err := l.root.OpenFile(name, flag|openNonblock, l.mode(file))
	if write && errors.Is(err, fs.ErrNotExist) { // somebody has removed the directory
		if err = l.root.MkdirAll(filepath.Dir(name), 0o777); err == nil {
			f, err = l.root.OpenFile(name, flag|openNonblock, l.mode(file))
		}
	}
	if err != nil {
		return nil, err
	}
	after, err := f.Stat()
	switch {
	case err != nil:
	case !after.Mode().IsRegular() || before != nil && !os.SameFile(before, after):
		err = ErrNotFile
	case write && after.Size() != l.info.Files[file].Length:
		err = f.Truncate(l.info.Files[file].Length)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
