//go:build !linux

package main

import (
	"context"
	"errors"

	"github.com/spf13/pflag"

	"p2pfs/cmd/p2pfs/cli"
)

// mountGroups returns the subcommands that mount or ask a running mount,
// each of which says that it cannot: mounting needs Linux.
func mountGroups() []cli.Group {
	var all []cli.Command
	for _, name := range []string{"mount", "umount", "status", "members", "block", "unblock", "forget", "pin", "unpin", "prefetch", "evict", "verify", "add", "remove", "magnet", "export", "demo"} {
		all = append(all, cli.Command{
			Name:    name,
			Args:    "...",
			Summary: "works on Linux only",
			Max:     -1,
			Setup: func(fs *pflag.FlagSet) cli.Action {
				fs.ParseErrorsAllowlist.UnknownFlags = true
				return func(context.Context, cli.Call) error {
					return errors.New(name + ": works on Linux only")
				}
			},
		})
	}
	return []cli.Group{{Title: "A drive", Commands: all}}
}
