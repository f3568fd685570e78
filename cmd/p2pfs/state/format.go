// Package state keeps what stands in a state directory as plain files: the mark of
// its version, the lock, the member key, and of torrents the metadata and peers that
// were found. Databases in it are their owners' matter.
package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"p2pfs/cmd/p2pfs/human"
	"p2pfs/swarm/durable"
)

const (
	// stateFormat counts the versions of the state directory as a whole: which
	// files there are and what they mean. A p2pfs refuses what a newer one has
	// written.
	stateFormat     = 1
	stateFormatName = "format"
	stateAbout      = "p2pfs state "
)

// Check refuses a state directory of another version. One without a mark
// is new, or of the first version, which set none; and a mark of nothing, as a
// power cut left it, is none.
func Check(dir string) error {
	data, err := os.ReadFile(filepath.Join(dir, stateFormatName))
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && durable.Blank(data):
		return nil
	case err != nil:
		return fmt.Errorf("state directory: %w", err)
	}
	digits, ok := strings.CutPrefix(strings.TrimSpace(string(data)), stateAbout)
	switch n, err := strconv.Atoi(digits); {
	case !ok || err != nil:
		return fmt.Errorf("state directory %s: %s is not of p2pfs: give another --state", human.Quoted(dir), human.Quoted(stateFormatName))
	case n != stateFormat:
		return fmt.Errorf("state directory %s: of another version of p2pfs (format %d, this one knows %d): use that, or give another --state", human.Quoted(dir), n, stateFormat)
	}
	return nil
}

// mark checks a state directory, and marks it as of this version.
func mark(dir string) error {
	err := Check(dir)
	path := filepath.Join(dir, stateFormatName)
	if data, readErr := os.ReadFile(path); err == nil && (readErr == nil || errors.Is(readErr, fs.ErrNotExist)) && durable.Blank(data) {
		err = durable.WriteFile(path, fmt.Appendf(nil, "%s%d\n", stateAbout, stateFormat), 0o600)
	}
	return err
}
