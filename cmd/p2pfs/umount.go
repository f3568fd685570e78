//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"p2pfs/fs"
)

func umountCommand() command {
	return command{
		name:    "umount",
		args:    "MOUNTPOINT",
		summary: "take a mount away, also one whose p2pfs has died",
		help: `The p2pfs that serves the mount winds up and ends. While something in the mount
is in use it stays, unless --force is given.`,
		min: 1, max: 1,
		setup: func(flags *pflag.FlagSet) action {
			force := flags.Bool("force", false, "detach it although it is in use; what has files of it open gets errors")
			return func(_ context.Context, c call) error {
				real, err := realPath(c.args[0])
				if err != nil {
					return err
				}
				switch err := fs.Unmount(real, *force); {
				case errors.Is(err, fs.ErrNotMounted):
					return fmt.Errorf("%s: %w", quoted(c.args[0]), errNoMount)
				case errors.Is(err, fs.ErrBusy):
					return fmt.Errorf("%s: %w; --force detaches it all the same", quoted(c.args[0]), fs.ErrBusy)
				case err != nil:
					return fmt.Errorf("%s: %w", quoted(c.args[0]), err)
				}
				return nil
			}
		},
	}
}
