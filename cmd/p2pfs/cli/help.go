package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"p2pfs/cmd/p2pfs/human"
)

// helpWidth is the column at which the text of flags is wrapped.
const helpWidth = 79

// Group is subcommands that help lists together.
type Group struct {
	Title    string
	Commands []Command
}

// help writes the list of subcommands, which is also its own help, or what
// `p2pfs NAME --help` says.
func (p Program) help(w io.Writer, args []string) error {
	switch {
	case len(args) == 0, len(args) == 1 && slices.Contains([]string{"help", "--help", "-h"}, args[0]):
		return p.printOverview(w)
	case len(args) == 1:
		cmd, ok := p.Find(args[0])
		if !ok {
			return Usagef("help: unknown command %s", human.Quoted(args[0]))
		}
		fs := pflag.NewFlagSet(cmd.Name, pflag.ContinueOnError)
		fs.SortFlags = false
		cmd.Setup(fs)
		return cmd.printHelp(w, fs)
	default:
		return Usagef("help: too many arguments, want one command")
	}
}

// printOverview writes one line for every subcommand.
func (p Program) printOverview(w io.Writer) error {
	var b strings.Builder
	b.WriteString("p2pfs: a folder for everyone over BitTorrent.\n\nUsage: p2pfs COMMAND [flags] [arguments]\n")
	for _, g := range p.Groups {
		fmt.Fprintf(&b, "\n%s:\n", g.Title)
		for _, cmd := range g.Commands {
			fmt.Fprintf(&b, "  %-8s  %s\n", cmd.Name, cmd.Summary)
		}
	}
	fmt.Fprintf(&b, "  %-8s  %s\n", "help", "show this list, or the help of one command")
	b.WriteString("\n\"p2pfs COMMAND --help\" tells all about one of them.\n")
	b.WriteString("Exit status: 0 done, 1 failed, 2 wrong usage.\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// printHelp writes usage, description and flags of a subcommand.
func (cmd Command) printHelp(w io.Writer, fs *pflag.FlagSet) error {
	var b strings.Builder
	b.WriteString("Usage: p2pfs " + cmd.Name)
	if fs.HasFlags() {
		b.WriteString(" [flags]")
	}
	if cmd.Args != "" {
		b.WriteString(" " + cmd.Args)
	}
	fmt.Fprintf(&b, "\n\n%s%s.\n", strings.ToUpper(cmd.Summary[:1]), cmd.Summary[1:])
	if cmd.Help != "" {
		fmt.Fprintf(&b, "\n%s\n", strings.TrimSpace(cmd.Help))
	}
	if fs.HasFlags() {
		fmt.Fprintf(&b, "\nFlags:\n%s", fs.FlagUsagesWrapped(helpWidth))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
