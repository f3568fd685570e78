package torrents

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

// IsMagnet reports whether an argument is a magnet rather than a file's name.
func IsMagnet(arg string) bool {
	return len(arg) >= 7 && strings.EqualFold(arg[:7], "magnet:")
}

// Output is the file that a command writes.
type Output struct {
	Path  string
	Force bool
}

// AddOutput declares -o and --force.
func AddOutput(fs *pflag.FlagSet, o *Output) {
	fs.StringVarP(&o.Path, "output", "o", "", "`FILE.torrent` to write (required)")
	fs.BoolVar(&o.Force, "force", false, "replace the file if it is there")
}

// Check returns an error if the file may not be written, before any work.
func (o Output) Check(command string) error {
	if o.Path == "" {
		return cli.Usagef("%s: -o FILE.torrent is required", command)
	}
	info, err := os.Stat(o.Path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("%s: is a directory", human.Quoted(o.Path))
	case err == nil && info.Mode().IsRegular() && !o.Force:
		return o.exists()
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	_, err = os.Stat(filepath.Dir(o.Path))
	return err
}

func (o Output) exists() error {
	return fmt.Errorf("%s: is there already; --force replaces it", human.Quoted(o.Path))
}

// Write puts data into the file: all of it or, after an error or a crash,
// nothing. Without force a file that is there stays, also one that came
// since check. What is no regular file, such as a pipe, is written to.
func (o Output) Write(data []byte) error {
	if info, err := os.Stat(o.Path); err == nil && !info.Mode().IsRegular() {
		return writeTo(o.Path, os.O_WRONLY, data)
	}
	if o.Force {
		return durable.WriteFile(o.Path, data, 0o666)
	}
	err := durable.CreateFile(o.Path, data, 0o666)
	if errors.Is(err, errors.ErrUnsupported) { // a filesystem without links
		err = writeTo(o.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_SYNC, data)
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
