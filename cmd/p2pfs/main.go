package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/torrents"
)

func main() { os.Exit(execute()) }

// execute runs the command that the arguments name and returns its exit status.
func execute() int {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup wants it to be
		ends = append(ends, syscall.SIGHUP)
	}
	// Who reads our output may go away: writing to him then fails, and does not
	// end a mount as it would by default. Programs that we start are not told.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	// Once the first signal has ended ctx, signals have their own meaning
	// again: the second one ends the process at once.
	context.AfterFunc(ctx, stop)
	args := os.Args[1:]
	if isHelper(os.Args[0]) {
		if os.Getenv("PATH") == "" { // mount(8) hands on none, and fusermount3 is to be found
			os.Setenv("PATH", helperPath)
		}
		args = append([]string{helperNames[0]}, args...)
	}
	return run(ctx, args, os.Stdout, os.Stderr)
}

// run is p2pfs without the process around it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return p2pfs().Run(ctx, args, stdout, stderr)
}

// p2pfs is all subcommands.
func p2pfs() cli.Program {
	return cli.Program{
		Groups: append(mountGroups(),
			cli.Group{Title: "Torrents without a mount", Commands: []cli.Command{torrents.Get(), torrents.Seed(), torrents.Create(), torrents.Show(), trackerCommand()}},
			cli.Group{Title: "About p2pfs", Commands: []cli.Command{versionCommand()}},
		),
		Hidden: []cli.Command{helperCommand()},
	}
}
