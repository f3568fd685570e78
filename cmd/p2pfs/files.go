package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/swarm/durable"
)

// isMagnet reports whether an argument is a magnet rather than a file's name.
func isMagnet(arg string) bool {
	return len(arg) >= 7 && strings.EqualFold(arg[:7], "magnet:")
}

// output is the file that a command writes.
type output struct {
	path  string
	force bool
}

// addOutputFlags declares -o and --force.
func addOutputFlags(fs *pflag.FlagSet, o *output) {
	fs.StringVarP(&o.path, "output", "o", "", "`FILE.torrent` to write (required)")
	fs.BoolVar(&o.force, "force", false, "replace the file if it is there")
}

// check returns an error if the file may not be written, before any work.
func (o output) check(command string) error {
	if o.path == "" {
		return cli.Usagef("%s: -o FILE.torrent is required", command)
	}
	info, err := os.Stat(o.path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("%s: is a directory", human.Quoted(o.path))
	case err == nil && info.Mode().IsRegular() && !o.force:
		return o.exists()
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	_, err = os.Stat(filepath.Dir(o.path))
	return err
}

func (o output) exists() error {
	return fmt.Errorf("%s: is there already; --force replaces it", human.Quoted(o.path))
}

// write puts data into the file: all of it or, after an error or a crash,
// nothing. Without force a file that is there stays, also one that came
// since check. What is no regular file, such as a pipe, is written to.
func (o output) write(data []byte) error {
	if info, err := os.Stat(o.path); err == nil && !info.Mode().IsRegular() {
		return writeTo(o.path, os.O_WRONLY, data)
	}
	if o.force {
		return durable.WriteFile(o.path, data, 0o666)
	}
	err := durable.CreateFile(o.path, data, 0o666)
	if errors.Is(err, errors.ErrUnsupported) { // a filesystem without links
		err = writeTo(o.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_SYNC, data)
	}
	if errors.Is(err, fs.ErrExist) {
		return o.exists()
	}
	return err
}

// writeTo opens the file with these flags and writes data. A file that this
// made and could not fill is removed.
func writeTo(path string, flags int, data []byte) error {
	f, err := os.OpenFile(path, flags, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Close())
	if err != nil && flags&os.O_CREATE != 0 {
		os.Remove(path)
	}
	return err
}
