package main

// mountCommands returns the subcommands that mount or ask a running mount.
func mountCommands() []command {
	return []command{
		demoCommand(),
		mountCommand(),
		umountCommand(),
		statusCommand(),
		addCommand(),
		removeCommand(),
		magnetCommand(),
		exportCommand(),
	}
}
