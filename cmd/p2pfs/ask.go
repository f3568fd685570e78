//go:build linux

package main

import (
	"errors"
	"fmt"

	"p2pfs/fs/mounting"

	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/dirs"
	"p2pfs/cmd/p2pfs/human"
)

// askMountOn calls f with a client of the mount on that mount point.
func askMountOn(mountPoint string, f func(*control.Client) error) error {
	real, err := dirs.Real(mountPoint)
	if err != nil {
		return err
	}
	err = control.AskMount(real, f)
	if errors.Is(err, control.ErrNoMount) {
		return fmt.Errorf("%s: %w", human.Quoted(mountPoint), noMount(real))
	}
	return err
}

// noMount tells more of a mount point that no p2pfs answers for.
func noMount(real string) error {
	if mounting.Ours(real) {
		return errors.New("the p2pfs that was mounted here is gone; \"p2pfs umount\" clears the mount point")
	}
	return control.ErrNoMount
}

// askFileAt calls f with clients of the mounts that may have the file at path, in
// the mount or in the share directory. f gets the real path.
func askFileAt(path string, f func(c *control.Client, real string) error) error {
	return askAbout(path, "neither in a running mount nor in the share directory of one", control.AskFile, f)
}

// askAboveAt calls f with a client of the mount that a path lies in.
func askAboveAt(path string, f func(c *control.Client, real string) error) error {
	return askAbout(path, "not in a running mount", control.AskAbove, f)
}

// askAbout asks the mounts that ask finds for a path. nowhere is what the user is
// told if none has it.
func askAbout(path, nowhere string, ask func(string, func(*control.Client) error) error, f func(c *control.Client, real string) error) error {
	real, err := dirs.Real(path)
	if err != nil {
		return err
	}
	err = ask(real, func(c *control.Client) error { return f(c, real) })
	if errors.Is(err, control.ErrNoMount) || errors.Is(err, control.ErrElsewhere) {
		return fmt.Errorf("%s: %s", human.Quoted(path), nowhere)
	}
	return err
}
