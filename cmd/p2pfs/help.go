package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// helpWidth is the column at which the text of flags is wrapped.
const helpWidth = 79

// group is subcommands that help lists together.
type group struct {
	title    string
	commands []command
}

// groups returns all subcommands in the order in which help lists them.
func groups() []group {
	return append(mountGroups(),
		group{"Torrents without a mount", []command{getCommand(), seedCommand(), createCommand(), showCommand(), trackerCommand()}},
		group{"About p2pfs", []command{versionCommand()}},
	)
}

// commands returns all subcommands.
func commands() (all []command) {
	for _, g := range groups() {
		all = append(all, g.commands...)
	}
	return all
}

// help writes the list of subcommands, which is also its own help, or what
// `p2pfs NAME --help` says.
func help(w io.Writer, args []string) error {
	switch {
	case len(args) == 0, len(args) == 1 && slices.Contains([]string{"help", "--help", "-h"}, args[0]):
		return printOverview(w)
	case len(args) == 1:
		cmd, ok := find(args[0])
		if !ok {
			return usagef("help: unknown command %s", quoted(args[0]))
		}
		fs := pflag.NewFlagSet(cmd.name, pflag.ContinueOnError)
		fs.SortFlags = false
		cmd.setup(fs)
		return cmd.printHelp(w, fs)
	default:
		return usagef("help: too many arguments, want one command")
	}
}

// printOverview writes one line for every subcommand.
func printOverview(w io.Writer) error {
	var b strings.Builder
	b.WriteString("p2pfs: a folder for everyone over BitTorrent.\n\nUsage: p2pfs COMMAND [flags] [arguments]\n")
	for _, g := range groups() {
		fmt.Fprintf(&b, "\n%s:\n", g.title)
		for _, cmd := range g.commands {
			fmt.Fprintf(&b, "  %-8s  %s\n", cmd.name, cmd.summary)
		}
	}
	fmt.Fprintf(&b, "  %-8s  %s\n", "help", "show this list, or the help of one command")
	b.WriteString("\n\"p2pfs COMMAND --help\" tells all about one of them.\n")
	b.WriteString("Exit status: 0 done, 1 failed, 2 wrong usage.\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// printHelp writes usage, description and flags of a subcommand.
func (cmd command) printHelp(w io.Writer, fs *pflag.FlagSet) error {
	var b strings.Builder
	b.WriteString("Usage: p2pfs " + cmd.name)
	if fs.HasFlags() {
		b.WriteString(" [flags]")
	}
	if cmd.args != "" {
		b.WriteString(" " + cmd.args)
	}
	fmt.Fprintf(&b, "\n\n%s%s.\n", strings.ToUpper(cmd.summary[:1]), cmd.summary[1:])
	if cmd.help != "" {
		fmt.Fprintf(&b, "\n%s\n", strings.TrimSpace(cmd.help))
	}
	if fs.HasFlags() {
		fmt.Fprintf(&b, "\nFlags:\n%s", fs.FlagUsagesWrapped(helpWidth))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
