package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/pflag"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/swarm/wire"
)

func versionCommand() cli.Command {
	return cli.Command{
		Name:    "version",
		Summary: "show the version of p2pfs, of Go, and the form of its peer IDs",
		Setup: func(*pflag.FlagSet) cli.Action {
			return func(_ context.Context, c cli.Call) error {
				fmt.Fprintf(c.Stdout, "p2pfs %s\n%s %s/%s\npeer ID %s followed by 12 random bytes\n",
					version(), runtime.Version(), runtime.GOOS, runtime.GOARCH, wire.PeerIDPrefix)
				return nil
			}
		},
	}
}

// version returns the version of the running program in one line.
func version() string {
	info, _ := debug.ReadBuildInfo()
	return versionOf(info)
}

// versionOf returns the module's version and, as far as the build recorded
// them, the commit, its time, and whether files were changed since.
func versionOf(info *debug.BuildInfo) string {
	if info == nil {
		return "(unknown)"
	}
	settings := make(map[string]string)
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	parts := []string{info.Main.Version}
	if info.Main.Version == "" {
		parts[0] = "(devel)"
	}
	if revision := settings["vcs.revision"]; revision != "" {
		parts = append(parts, "commit", revision[:min(12, len(revision))])
	}
	if t := settings["vcs.time"]; t != "" {
		parts = append(parts, t)
	}
	if settings["vcs.modified"] == "true" {
		parts = append(parts, "modified")
	}
	return strings.Join(parts, " ")
}
