//go:build linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"golang.org/x/sys/unix"

	"p2pfs/cmd/p2pfs/dirs"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/cmd/p2pfs/tree"
)

// fileStatus is what status tells of one file: its extended attributes.
type fileStatus struct {
	Path     string `json:"path"` // in the mount
	Size     int64  `json:"size"`
	Local    int64  `json:"local"` // bytes on this machine
	Peers    int64  `json:"peers"` // connected
	State    string `json:"state"`
	Member   string `json:"member,omitempty"`
	InfoHash string `json:"infohash,omitempty"`
}

// statusOfFile asks a mount about a file in it. path is one of the mount, or
// one that leads into it.
func statusOfFile(mountPoint, path string) (s fileStatus, err error) {
	file, err := inMount(mountPoint, path)
	if err != nil {
		return s, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return s, err
	}
	if !info.Mode().IsRegular() {
		return s, fmt.Errorf("%s: not a file", human.Quoted(path))
	}
	s = fileStatus{Path: file, Size: info.Size()}
	for name, to := range map[string]any{
		tree.AttrState: &s.State, tree.AttrMember: &s.Member, tree.AttrInfoHash: &s.InfoHash, tree.AttrLocal: &s.Local, tree.AttrPeers: &s.Peers,
	} {
		value, err := readAttr(file, name)
		if errors.Is(err, unix.ENODATA) {
			continue
		}
		if err != nil {
			return s, fmt.Errorf("%s: %s: %w", human.Quoted(path), name, err)
		}
		switch to := to.(type) {
		case *string:
			*to = value
		case *int64:
			*to, _ = strconv.ParseInt(value, 10, 64)
		}
	}
	if s.State == "" {
		return s, fmt.Errorf("%s: no file of a p2pfs mount", human.Quoted(path))
	}
	return s, nil
}

// inMount finds a file that a user named.
func inMount(mountPoint, path string) (string, error) {
	root, err := dirs.Real(mountPoint)
	if err != nil {
		return "", err
	}
	if !filepath.IsAbs(path) {
		below := filepath.Join(root, path)
		if _, err := os.Lstat(below); err == nil || !errors.Is(err, fs.ErrNotExist) {
			return below, err
		}
	}
	real, err := filepath.Abs(path)
	if err == nil {
		real, err = filepath.EvalSymlinks(real)
	}
	if err != nil {
		return "", err
	}
	if rel, err := filepath.Rel(root, real); err != nil || !filepath.IsLocal(rel) {
		return "", fmt.Errorf("%s: not in %s", human.Quoted(path), human.Quoted(mountPoint))
	}
	return real, nil
}

// readAttr reads an extended attribute, which may change its length meanwhile.
func readAttr(path, name string) (string, error) {
	buf := make([]byte, 64<<10) // the longest there is
	n, err := unix.Getxattr(path, name, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// String returns the status for people, in lines.
func (s fileStatus) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(key, value string) {
		fmt.Fprintf(w, "%s\t%s\n", key, human.OneLine(value))
	}
	row("file", human.Quoted(s.Path))
	row("state", s.State)
	row("here", fmt.Sprintf("%s of %s", human.Size(s.Local), human.Size(s.Size)))
	row("peers", strconv.FormatInt(s.Peers, 10))
	if s.Member != "" {
		row("member", human.Quoted(s.Member))
	}
	if s.InfoHash != "" {
		row("infohash", s.InfoHash)
	}
	w.Flush()
	return b.String()
}
