//go:build linux

package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/human"
)

func statusCommand() cli.Command {
	return cli.Command{
		Name:    "status",
		Args:    "MOUNTPOINT [FILE]",
		Summary: "show how a running mount is: members, files, traffic, trackers",
		Help: `Of a FILE in the mount it tells how much of it is here, and what reads of it
wait for, or why the last one failed. The same texts can be read in
MOUNTPOINT/.p2pfs/status and in the file's attribute user.p2pfs.state.`,
		Min: 1, Max: 2,
		Setup: func(fs *pflag.FlagSet) cli.Action {
			asJSON := fs.Bool("json", false, "write JSON; sizes are bytes, rates bytes a second")
			return func(ctx context.Context, c cli.Call) error {
				if len(c.Args) == 2 {
					status, err := statusOfFile(c.Args[0], c.Args[1])
					switch {
					case err != nil:
						return err
					case *asJSON:
						return human.WriteJSON(c.Stdout, status)
					}
					_, err = io.WriteString(c.Stdout, status.String())
					return err
				}
				var status mountStatus
				err := askMount(c.Args[0], func(client *controlClient) error {
					return client.quick(ctx, "status", nil, &status)
				})
				if err != nil {
					return err
				}
				if *asJSON {
					return human.WriteJSON(c.Stdout, status.filled())
				}
				_, err = io.WriteString(c.Stdout, status.String())
				return err
			}
		},
	}
}

func addCommand() cli.Command {
	return cli.Command{
		Name:    "add",
		Args:    "MOUNTPOINT FILE.torrent|MAGNET",
		Summary: "put a torrent or magnet into a running mount",
		Help:    "It appears under its name in MOUNTPOINT/.p2pfs/torrents.",
		Min:     2, Max: 2,
		Setup: func(*pflag.FlagSet) cli.Action {
			return func(ctx context.Context, c cli.Call) error {
				source, err := readSource(c.Args[1])
				if err != nil {
					return err
				}
				var answer addAnswer
				err = askMount(c.Args[0], func(client *controlClient) error {
					return client.quick(ctx, "add", source, &answer)
				})
				if err == nil {
					fmt.Fprintf(c.Stdout, "added %s\n", human.Quoted(answer.Name))
				}
				return err
			}
		},
	}
}

func removeCommand() cli.Command {
	return cli.Command{
		Name:    "remove",
		Args:    "MOUNTPOINT NAME|INFOHASH",
		Summary: "take a torrent that was added out of a running mount",
		Min:     2, Max: 2,
		Setup: func(*pflag.FlagSet) cli.Action {
			return func(ctx context.Context, c cli.Call) error {
				return askMount(c.Args[0], func(client *controlClient) error {
					return client.quick(ctx, "remove", removeRequest{c.Args[1]}, new(struct{}))
				})
			}
		},
	}
}

func magnetCommand() cli.Command {
	return cli.Command{
		Name:    "magnet",
		Args:    "PATH",
		Summary: "print the magnet of a file in a mount or share directory",
		Help:    "The mount must be running. Every BitTorrent client can use the magnet.",
		Min:     1, Max: 1,
		Setup: func(fs *pflag.FlagSet) cli.Action {
			v2 := fs.Bool("v2", false, "the magnet of the v2 torrent (btmh), for clients that know BEP 52")
			return func(ctx context.Context, c cli.Call) error {
				var answer magnetAnswer
				err := askFile(c.Args[0], func(client *controlClient, real string) error {
					return client.call(ctx, "magnet", fileRequest{real, *v2}, &answer)
				})
				if err == nil {
					fmt.Fprintln(c.Stdout, answer.Magnet)
				}
				return err
			}
		},
	}
}

func exportCommand() cli.Command {
	return cli.Command{
		Name:    "export",
		Args:    "PATH",
		Summary: "write the .torrent of a file in a mount or share directory",
		Help:    "The mount must be running.",
		Min:     1, Max: 1,
		Setup: func(fs *pflag.FlagSet) cli.Action {
			var out output
			addOutputFlags(fs, &out)
			v2 := fs.Bool("v2", false, "the v2 torrent, for clients that know BEP 52")
			return func(ctx context.Context, c cli.Call) error {
				if err := out.check("export"); err != nil {
					return err
				}
				var answer exportAnswer
				err := askFile(c.Args[0], func(client *controlClient, real string) error {
					return client.call(ctx, "export", fileRequest{real, *v2}, &answer)
				})
				if err != nil {
					return err
				}
				return out.write(answer.Torrent)
			}
		},
	}
}

// quick is call for what a mount answers without asking the network.
func (c *controlClient) quick(ctx context.Context, path string, in, out any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, controlTimeout, fmt.Errorf("not within %s", controlTimeout))
	defer cancel()
	return c.call(ctx, path, in, out)
}

// readSource reads the torrent file that arg names, unless arg is a magnet.
func readSource(arg string) (torrentSource, error) {
	if isMagnet(arg) {
		return torrentSource{Magnet: arg}, nil
	}
	data, err := readTorrentFile(arg)
	return torrentSource{Torrent: data}, err
}
