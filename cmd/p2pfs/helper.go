package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/human"
)

// helperNames are the names under which mount(8) calls a helper for the type
// fuse.p2pfs, or p2pfs.
var helperNames = []string{"mount.fuse.p2pfs", "mount.p2pfs"}

// helperPath is where programs are looked for where nothing else is said.
const helperPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// ignoredOptions are for mount(8) and for others that read fstab, or say what
// is so in any case. Those that begin with "x-" or "X-" go, too.
var ignoredOptions = []string{
	"", "defaults", "rw", "ro", "auto", "noauto", "user", "nouser", "users", "owner", "group", "nofail", "_netdev",
	"suid", "nosuid", "dev", "nodev", "exec", "noexec", "atime", "noatime", "diratime", "nodiratime", "relatime",
	"norelatime", "strictatime", "lazytime", "nolazytime", "async", "sync", "dirsync", "silent", "loud", "mand",
	"nomand", "iversion", "noiversion", "default_permissions", "comment", "uhelper", "helper", "subtype", "fsname",
}

// isHelper reports whether the program was called by that name as mount(8)
// does it.
func isHelper(program string) bool {
	return slices.Contains(helperNames, filepath.Base(program))
}

// helperCommand is the program as a helper of mount(8); it is not listed.
func helperCommand() cli.Command {
	return cli.Command{
		Name:    helperNames[0],
		Args:    "DRIVE MOUNTPOINT",
		Summary: "mount as mount(8) and fstab have it",
		Help: `Called by "mount -t fuse.p2pfs DRIVE MOUNTPOINT -o OPTIONS". An option is a
flag of "p2pfs mount" without its dashes; the mount stays in the background.`,
		Min: 2, Max: 2,
		Setup: func(flags *pflag.FlagSet) cli.Action {
			options := flags.StringArrayP("options", "o", nil, "comma-separated `options`")
			sloppy := flags.BoolP("sloppy", "s", false, "leave out options that are not known")
			fake := flags.BoolP("fake", "f", false, "do not mount")
			flags.BoolP("no-mtab", "n", false, "without effect")
			flags.BoolP("verbose", "v", false, "without effect")
			flags.StringP("type", "t", "", "without effect: `type` of the file system")
			flags.StringP("namespace", "N", "", "without effect: mount(8) has entered the `namespace`")
			return func(ctx context.Context, c cli.Call) error {
				mount, ok := p2pfs().Find("mount")
				if !ok {
					return cli.Usagef("mount: not on this system")
				}
				args, err := fromOptions(mount, strings.Join(*options, ","), *sloppy)
				if err != nil || *fake {
					return err
				}
				if c.Args[0] != "none" {
					args = append(args, "--drive="+c.Args[0])
				}
				args = append(args, "--daemon", "--", c.Args[1])
				return mount.Run(ctx, args, c)
			}
		},
	}
}

// fromOptions turns options of fstab into flags of cmd.
func fromOptions(cmd cli.Command, options string, sloppy bool) (args []string, err error) {
	flags := pflag.NewFlagSet(cmd.Name, pflag.ContinueOnError)
	cmd.Setup(flags)
	for _, option := range splitOptions(options) {
		name, value, valued := strings.Cut(option, "=")
		if strings.HasPrefix(name, "x-") || strings.HasPrefix(name, "X-") || slices.Contains(ignoredOptions, name) {
			continue
		}
		flag := flags.Lookup(strings.ReplaceAll(name, "_", "-"))
		switch {
		case flag == nil && sloppy:
		case flag == nil:
			return nil, cli.Usagef("option %s is not known; those of p2pfs are the flags of \"p2pfs mount\"", human.Quoted(name))
		case valued:
			args = append(args, fmt.Sprintf("--%s=%s", flag.Name, value))
		case flag.NoOptDefVal == "":
			return nil, cli.Usagef("option %s wants a value", human.Quoted(name))
		default:
			args = append(args, "--"+flag.Name)
		}
	}
	return args, nil
}

// splitOptions splits at commas that do not stand in double quotes, and drops
// the quotes.
func splitOptions(s string) []string {
	var out []string
	var b strings.Builder
	in := false
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"':
			in = !in
		case c == ',' && !in:
			out = append(out, b.String())
			b.Reset()
		default:
			b.WriteByte(c)
		}
	}
	return append(out, b.String())
}
