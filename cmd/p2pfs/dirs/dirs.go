// Package dirs says where p2pfs' directories are by default, and whether
// directories are apart. It makes none.
package dirs

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"p2pfs/cmd/p2pfs/human"
)

// maxLinks bounds the symbolic links that Real follows by hand.
const maxLinks = 40

// State returns the default of --state: $XDG_STATE_HOME/p2pfs.
func State() (string, error) { return xdgDir("XDG_STATE_HOME", ".local/state") }

// Cache returns the default of --cache: $XDG_CACHE_HOME/p2pfs.
func Cache() (string, error) { return xdgDir("XDG_CACHE_HOME", ".cache") }

// Share returns the default of --share: ~/p2pfs.
func Share() (string, error) {
	home, err := homeDir()
	return filepath.Join(home, "p2pfs"), err
}

// homeDir is the user's home directory, also where nobody has logged in: mount(8)
// and systemd need not set $HOME.
func homeDir() (string, error) {
	home, err := os.UserHomeDir()
	if err == nil {
		return home, nil
	}
	if u, err := user.Current(); err == nil && filepath.IsAbs(u.HomeDir) {
		return u.HomeDir, nil
	}
	return "", err
}

// xdgDir returns p2pfs' directory under that variable of the XDG base
// directory specification, which says to ignore one that is not absolute.
func xdgDir(variable, fallback string) (string, error) {
	if dir := os.Getenv(variable); filepath.IsAbs(dir) {
		return filepath.Join(dir, "p2pfs"), nil
	}
	home, err := homeDir()
	return filepath.Join(home, filepath.FromSlash(fallback), "p2pfs"), err
}

// OrDefault returns dir, or what byDefault says if dir is empty.
func OrDefault(dir string, byDefault func() (string, error)) (string, error) {
	if dir != "" {
		return dir, nil
	}
	return byDefault()
}

// Real returns the absolute path without symbolic links. Unlike
// filepath.EvalSymlinks it also works for what does not exist yet, and for a
// mount point whose server has died.
func Real(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	for range maxLinks {
		real, err := filepath.EvalSymlinks(abs)
		if err == nil {
			return real, nil
		}
		target, err := os.Readlink(abs)
		if err != nil { // not a link: gone, dead, or forbidden
			return realParent(abs)
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(abs), target)
		}
		abs = target
	}
	return "", fmt.Errorf("%s: too many symbolic links", human.Quoted(path))
}

// realParent returns the real path of abs' parent with abs' last name behind.
func realParent(abs string) (string, error) {
	dir := filepath.Dir(abs)
	if dir == abs {
		return abs, nil
	}
	real, err := Real(dir)
	return filepath.Join(real, filepath.Base(abs)), err
}

// Dir is a directory with a part to play, as messages call it.
type Dir struct{ Role, Path string }

// CheckApart returns an error if one of the directories is, or contains,
// another: a program that serves files from a mount into which it writes
// waits for itself. Real paths are compared, and what is at them, so that
// neither a symbolic link nor a bind mount hides it.
func CheckApart(dirs ...Dir) error {
	real := make([]string, len(dirs))
	for i, d := range dirs {
		var err error
		if real[i], err = Real(d.Path); err != nil {
			return fmt.Errorf("%s: %w", d.Role, err)
		}
	}
	for i, a := range dirs {
		for j, b := range dirs {
			switch {
			case i == j || !contains(real[i], real[j]):
			case contains(real[j], real[i]):
				return fmt.Errorf("%s and %s are the same directory: %s", a.Role, b.Role, human.Quoted(a.Path))
			default:
				return fmt.Errorf("%s %s lies inside %s %s: they must be apart", b.Role, human.Quoted(b.Path), a.Role, human.Quoted(a.Path))
			}
		}
	}
	return nil
}

// contains reports whether outer is inner or one of the directories that
// inner lies in. Both are real paths.
func contains(outer, inner string) bool {
	if rel, err := filepath.Rel(outer, inner); err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return true
	}
	info, err := os.Stat(outer)
	if err != nil {
		return false
	}
	for {
		if other, err := os.Stat(inner); err == nil && os.SameFile(info, other) {
			return true
		}
		up := filepath.Dir(inner)
		if up == inner {
			return false
		}
		inner = up
	}
}
