//go:build linux

package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/pflag"
)

func statusCommand() command {
	return command{
		name:    "status",
		args:    "MOUNTPOINT [FILE]",
		summary: "show how a running mount is: members, files, traffic, trackers",
		help: `Of a FILE in the mount it tells how much of it is here, and what reads of it
wait for, or why the last one failed. The same texts can be read in
MOUNTPOINT/.p2pfs/status and in the file's attribute user.p2pfs.state.`,
		min: 1, max: 2,
		setup: func(fs *pflag.FlagSet) action {
			asJSON := fs.Bool("json", false, "write JSON; sizes are bytes, rates bytes a second")
			return func(ctx context.Context, c call) error {
				if len(c.args) == 2 {
					status, err := statusOfFile(c.args[0], c.args[1])
					switch {
					case err != nil:
						return err
					case *asJSON:
						return writeJSON(c.stdout, status)
					}
					_, err = io.WriteString(c.stdout, status.String())
					return err
				}
				var status mountStatus
				err := askMount(c.args[0], func(client *controlClient) error {
					return client.quick(ctx, "status", nil, &status)
				})
				if err != nil {
					return err
				}
				if *asJSON {
					return writeJSON(c.stdout, status.filled())
				}
				_, err = io.WriteString(c.stdout, status.String())
				return err
			}
		},
	}
}

func addCommand() command {
	return command{
		name:    "add",
		args:    "MOUNTPOINT FILE.torrent|MAGNET",
		summary: "put a torrent or magnet into a running mount",
		help:    "It appears under its name in MOUNTPOINT/.p2pfs/torrents.",
		min:     2, max: 2,
		setup: func(*pflag.FlagSet) action {
			return func(ctx context.Context, c call) error {
				source, err := readSource(c.args[1])
				if err != nil {
					return err
				}
				var answer addAnswer
				err = askMount(c.args[0], func(client *controlClient) error {
					return client.quick(ctx, "add", source, &answer)
				})
				if err == nil {
					fmt.Fprintf(c.stdout, "added %s\n", quoted(answer.Name))
				}
				return err
			}
		},
	}
}

func removeCommand() command {
	return command{
		name:    "remove",
		args:    "MOUNTPOINT NAME|INFOHASH",
		summary: "take a torrent that was added out of a running mount",
		min:     2, max: 2,
		setup: func(*pflag.FlagSet) action {
			return func(ctx context.Context, c call) error {
				return askMount(c.args[0], func(client *controlClient) error {
					return client.quick(ctx, "remove", removeRequest{c.args[1]}, new(struct{}))
				})
			}
		},
	}
}

func magnetCommand() command {
	return command{
		name:    "magnet",
		args:    "PATH",
		summary: "print the magnet of a file in a mount or share directory",
		help:    "The mount must be running. Every BitTorrent client can use the magnet.",
		min:     1, max: 1,
		setup: func(fs *pflag.FlagSet) action {
			v2 := fs.Bool("v2", false, "the magnet of the v2 torrent (btmh), for clients that know BEP 52")
			return func(ctx context.Context, c call) error {
				var answer magnetAnswer
				err := askFile(c.args[0], func(client *controlClient, real string) error {
					return client.call(ctx, "magnet", fileRequest{real, *v2}, &answer)
				})
				if err == nil {
					fmt.Fprintln(c.stdout, answer.Magnet)
				}
				return err
			}
		},
	}
}

func exportCommand() command {
	return command{
		name:    "export",
		args:    "PATH",
		summary: "write the .torrent of a file in a mount or share directory",
		help:    "The mount must be running.",
		min:     1, max: 1,
		setup: func(fs *pflag.FlagSet) action {
			var out output
			addOutputFlags(fs, &out)
			v2 := fs.Bool("v2", false, "the v2 torrent, for clients that know BEP 52")
			return func(ctx context.Context, c call) error {
				if err := out.check("export"); err != nil {
					return err
				}
				var answer exportAnswer
				err := askFile(c.args[0], func(client *controlClient, real string) error {
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
