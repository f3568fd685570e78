package main

import "p2pfs/cmd/p2pfs/cli"

// mountGroups returns the subcommands that mount or ask a running mount.
func mountGroups() []cli.Group {
	return []cli.Group{
		{Title: "A drive", Commands: []cli.Command{demoCommand(), mountCommand(), umountCommand(), statusCommand()}},
		{Title: "The members of a drive", Commands: []cli.Command{membersCommand(), blockCommand(), unblockCommand(), forgetCommand()}},
		{Title: "What a mount keeps on this machine", Commands: []cli.Command{
			pinCommand(), unpinCommand(), prefetchCommand(), evictCommand(), verifyCommand(),
		}},
		{Title: "Torrents in a mount, and its files for other clients", Commands: []cli.Command{
			addCommand(), removeCommand(), magnetCommand(), exportCommand(),
		}},
	}
}
