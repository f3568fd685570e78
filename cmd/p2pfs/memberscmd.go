//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/pflag"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/human"
)

func membersCommand() cli.Command {
	return cli.Command{
		Name:    "members",
		Args:    "MOUNTPOINT",
		Summary: "list the other members of a drive",
		Help: `Of each: name, the first 16 digits of the key, here or away and since when,
files and bytes. A name proves nothing; the digits do. Who is away and shares
nothing is left out. "p2pfs block" and "p2pfs forget" take the digits, or a name
that no other member has.`,
		Min: 1, Max: 1,
		Setup: func(fs *pflag.FlagSet) cli.Action {
			asJSON := fs.Bool("json", false, "write JSON; sizes are bytes, keys whole")
			return func(ctx context.Context, c cli.Call) error {
				list := []control.RosterEntry{}
				err := askMountOn(c.Args[0], func(client *control.Client) (err error) {
					list, err = client.Members(ctx)
					return err
				})
				switch {
				case err != nil:
					return err
				case *asJSON:
					return human.WriteJSON(c.Stdout, append([]control.RosterEntry{}, list...))
				}
				return writeRoster(c.Stdout, list)
			}
		},
	}
}

// writeRoster writes members for people, one a line.
func writeRoster(out io.Writer, list []control.RosterEntry) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, e := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", cell(e.Name), e.Digits(), e.State(), human.Count(e.Files, "file"), human.Size(e.Bytes))
	}
	return w.Flush()
}

// cell quotes a name that could be taken for more than one column.
func cell(name string) string {
	if strings.ContainsRune(name, ' ') {
		return strconv.Quote(name)
	}
	return human.Quoted(name)
}

// markCommand is a command that hides a member, or shows him again. said tells
// what has been done.
func markCommand(name, summary, help string, said func(e control.RosterEntry, mountPoint string) string) cli.Command {
	return cli.Command{
		Name: name, Args: "MOUNTPOINT WHO", Summary: summary, Help: help, Min: 2, Max: 2,
		Setup: func(*pflag.FlagSet) cli.Action {
			return func(ctx context.Context, c cli.Call) error {
				var e control.RosterEntry
				err := askMountOn(c.Args[0], func(client *control.Client) (err error) {
					e, err = client.Mark(ctx, name, c.Args[1])
					return err
				})
				if err == nil {
					fmt.Fprintln(c.Stdout, said(e, human.Quoted(c.Args[0])))
				}
				return err
			}
		},
	}
}

// whoHelp says how WHO is given.
const whoHelp = `WHO is the digits that "p2pfs members" shows, or a name that no other
member has.`

func blockCommand() cli.Command {
	return markCommand("block", "hide a member on this machine",
		`His files, and he himself, are shown on this machine no more, also after a
restart. For other members nothing changes, and he is not told.
`+whoHelp,
		func(e control.RosterEntry, at string) string {
			return fmt.Sprintf("%s (%s) is hidden on this machine, and on this one only; \"p2pfs unblock %s %s\" shows him again",
				cell(e.Name), e.Digits(), at, e.Digits())
		})
}

func unblockCommand() cli.Command {
	return markCommand("unblock", "show a member again who was blocked", whoHelp,
		func(e control.RosterEntry, _ string) string {
			return fmt.Sprintf("%s (%s) is shown again", cell(e.Name), e.Digits())
		})
}

func forgetCommand() cli.Command {
	return markCommand("forget", "hide a member who is away, until he comes back",
		`For a machine that is gone, or was set up anew and has another key: what it
shared would be shown for 30 days. On other machines nothing changes.
`+whoHelp,
		func(e control.RosterEntry, _ string) string {
			return fmt.Sprintf("%s (%s) is hidden on this machine until he comes back", cell(e.Name), e.Digits())
		})
}
