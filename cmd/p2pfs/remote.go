//go:build linux

package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/cmd/p2pfs/state"
	"p2pfs/cmd/p2pfs/torrents"
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
				var status control.Status
				err := askMountOn(c.Args[0], func(client *control.Client) (err error) {
					status, err = client.Status(ctx)
					return err
				})
				if err != nil {
					return err
				}
				if *asJSON {
					return human.WriteJSON(c.Stdout, status.Filled())
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
				var name string
				err = askMountOn(c.Args[0], func(client *control.Client) (err error) {
					name, err = client.Add(ctx, source)
					return err
				})
				if err == nil {
					fmt.Fprintf(c.Stdout, "added %s\n", human.Quoted(name))
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
				return askMountOn(c.Args[0], func(client *control.Client) error {
					return client.Remove(ctx, c.Args[1])
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
				var magnet string
				err := askFileAt(c.Args[0], func(client *control.Client, real string) (err error) {
					magnet, err = client.Magnet(ctx, real, *v2)
					return err
				})
				if err == nil {
					fmt.Fprintln(c.Stdout, magnet)
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
			var out torrents.Output
			torrents.AddOutput(fs, &out)
			v2 := fs.Bool("v2", false, "the v2 torrent, for clients that know BEP 52")
			return func(ctx context.Context, c cli.Call) error {
				if err := out.Check("export"); err != nil {
					return err
				}
				var torrent []byte
				err := askFileAt(c.Args[0], func(client *control.Client, real string) (err error) {
					torrent, err = client.Export(ctx, real, *v2)
					return err
				})
				if err != nil {
					return err
				}
				return out.Write(torrent)
			}
		},
	}
}

// readSource reads the torrent file that arg names, unless arg is a magnet.
func readSource(arg string) (control.Source, error) {
	if torrents.IsMagnet(arg) {
		return control.Source{Magnet: arg}, nil
	}
	data, err := state.ReadTorrent(arg)
	return control.Source{Torrent: data}, err
}
