//go:build !linux

package main

import (
	"context"
	"errors"

	"github.com/spf13/pflag"
)

// mountGroups returns the subcommands that mount or ask a running mount,
// each of which says that it cannot: mounting needs Linux.
func mountGroups() []group {
	var all []command
	for _, name := range []string{"mount", "umount", "status", "members", "block", "unblock", "forget", "pin", "unpin", "prefetch", "evict", "verify", "add", "remove", "magnet", "export", "demo"} {
		all = append(all, command{
			name:    name,
			args:    "...",
			summary: "works on Linux only",
			max:     -1,
			setup: func(fs *pflag.FlagSet) action {
				fs.ParseErrorsAllowlist.UnknownFlags = true
				return func(context.Context, call) error {
					return errors.New(name + ": works on Linux only")
				}
			},
		})
	}
	return []group{{"A drive", all}}
}
