package main

// mountGroups returns the subcommands that mount or ask a running mount.
func mountGroups() []group {
	return []group{
		{"A drive", []command{demoCommand(), mountCommand(), umountCommand(), statusCommand()}},
		{"The members of a drive", []command{membersCommand(), blockCommand(), unblockCommand(), forgetCommand()}},
		{"What a mount keeps on this machine", []command{
			pinCommand(), unpinCommand(), prefetchCommand(), evictCommand(), verifyCommand(),
		}},
		{"Torrents in a mount, and its files for other clients", []command{
			addCommand(), removeCommand(), magnetCommand(), exportCommand(),
		}},
	}
}
