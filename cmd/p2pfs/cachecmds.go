//go:build linux

package main

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/human"
)

func pinCommand() cli.Command {
	return cli.Command{
		Name:    "pin",
		Args:    "PATH...",
		Summary: "fetch files of a mount and keep them in its cache",
		Help: `Pinned files can be read without any peer, also after a restart, and nothing
makes them leave the cache. Of a directory all files are pinned that are in it
now. A file that its member replaces later is another one: pin it again. If the
command is interrupted, what is missing is fetched when it is read, or by
running it again. Pinned files have to fit into --cache-size together.`,
		Min: 1, Max: -1,
		Setup: func(fs *pflag.FlagSet) cli.Action {
			list := fs.Bool("list", false, "only list what is pinned at or below PATH")
			return func(ctx context.Context, c cli.Call) error {
				if *list {
					return eachPath(ctx, c, control.Pins, func(_ string, r control.Report) string { return listText(r) })
				}
				return eachPath(ctx, c, control.Pin, func(_ string, r control.Report) string {
					return "pinned " + fetchedText(r)
				})
			}
		},
	}
}

func unpinCommand() cli.Command {
	return cli.Command{
		Name:    "unpin",
		Args:    "PATH...",
		Summary: "let pinned files leave the cache when room is needed",
		Help:    "PATH may also be that of a pinned file that is no longer in the mount.",
		Min:     1, Max: -1,
		Setup: doOnPaths(control.Unpin, func(_ string, r control.Report) string {
			return fmt.Sprintf("unpinned %s, %s", human.Count(r.Files, "file"), human.Size(r.Bytes))
		}),
	}
}

func prefetchCommand() cli.Command {
	return cli.Command{
		Name:    "prefetch",
		Args:    "PATH...",
		Summary: "fetch files of a mount into its cache before they are read",
		Help: `Of a directory, all that is in it. What is fetched leaves the cache again when
room is needed, unlike what is pinned.`,
		Min: 1, Max: -1,
		Setup: doOnPaths(control.Prefetch, func(_ string, r control.Report) string { return "fetched " + fetchedText(r) }),
	}
}

func evictCommand() cli.Command {
	return cli.Command{
		Name:    "evict",
		Args:    "PATH...",
		Summary: "drop what the cache has of files of a mount",
		Help:    "Other members are told. What is pinned stays.",
		Min:     1, Max: -1,
		Setup: doOnPaths(control.Evict, func(_ string, r control.Report) string {
			text := fmt.Sprintf("evicted %s of %s", human.Size(r.Evicted), human.Count(r.Files, "file"))
			if r.Pinned > 0 {
				text += "; " + human.Size(r.Pinned) + " are pinned and stay"
			}
			return text
		}),
	}
}

func verifyCommand() cli.Command {
	return cli.Command{
		Name:    "verify",
		Args:    "PATH...",
		Summary: "hash again what is here of files, or of the share directory",
		Help: `Bad pieces of the cache are dropped, and fetched anew when they are next read. A
file of the share directory that is not what was published is published as what
it is. The status is 1 if there were any. What the kernel has in its page cache
was verified when it was read and is not looked at.`,
		Min: 1, Max: -1,
		Setup: doOnPaths(control.Verify, func(_ string, r control.Report) string {
			return fmt.Sprintf("verified %s, %s, of %s: all good", human.Count(r.Pieces, "piece"), human.Size(r.Bytes), human.Count(r.Files, "file"))
		}),
	}
}

// fetchedText tells what a fetch did.
func fetchedText(r control.Report) string {
	return fmt.Sprintf("%s, %s: %s came, %s were here", human.Count(r.Files, "file"), human.Size(r.Bytes),
		human.Size(r.Fetched), human.Size(r.Done-r.Fetched))
}

// listText lists pinned files.
func listText(r control.Report) string {
	var b strings.Builder
	for _, path := range r.Paths {
		b.WriteString(human.Quoted(path) + "\n")
	}
	fmt.Fprintf(&b, "%s, %s", human.Count(r.Files, "pinned file"), human.Size(r.Bytes))
	return b.String()
}

// doOnPaths is the setup of a command without flags that does op to paths.
func doOnPaths(op string, text func(path string, r control.Report) string) func(*pflag.FlagSet) cli.Action {
	return func(*pflag.FlagSet) cli.Action {
		return func(ctx context.Context, c cli.Call) error { return eachPath(ctx, c, op, text) }
	}
}

// eachPath does op to each argument, in order, and prints what came of it.
func eachPath(ctx context.Context, c cli.Call, op string, text func(path string, r control.Report) string) error {
	for _, path := range c.Args {
		r, err := onPath(ctx, c, op, path)
		if err != nil {
			return err
		}
		line := text(path, r)
		if r.Own > 0 {
			line += fmt.Sprintf(" (not counting %s of your own share directory)", human.Count(r.Own, "file"))
		}
		fmt.Fprintln(c.Stdout, line)
	}
	return nil
}

// onPath does op to one path and shows on stderr how far it is.
func onPath(ctx context.Context, c cli.Call, op, path string) (last control.Report, err error) {
	var now atomic.Pointer[control.Report]
	now.Store(new(control.Report))
	p := cli.NewProgress(c.Stderr)
	var rate cli.Meter
	stop := p.Start(func() string {
		r := now.Load()
		return cli.Transfer{Done: r.Done, All: r.Bytes, Rate: rate.Rate(time.Now(), r.Done), Peers: -1}.String()
	})
	ask := askAboveAt
	if op == control.Verify { // which is of the share directory, too
		ask = askFileAt
	}
	err = ask(path, func(client *control.Client, real string) error {
		last, err = client.Cache(ctx, op, real, func(r control.Report) { now.Store(&r) })
		return err
	})
	stop()
	switch {
	case ctx.Err() != nil:
		return last, cli.ErrInterrupted
	case err != nil:
		return last, err
	case last.Error != "":
		return last, fmt.Errorf("%s: %s", human.Quoted(path), last.Error)
	case last.Bad > 0:
		return last, fmt.Errorf("%d of %s were bad and are dropped; they belong to %s", last.Bad,
			human.Count(last.Pieces, "piece"), quotedList(last.Paths))
	case last.Changed > 0:
		return last, fmt.Errorf("%s of %d not what was published, and hashed again: %s",
			human.Count(last.Changed, "file"), last.Files, quotedList(last.Paths))
	}
	return last, nil
}

// quotedList joins paths, the first few of them.
func quotedList(paths []string) string {
	const most = 5
	var out []string
	for _, p := range paths[:min(len(paths), most)] {
		out = append(out, human.Quoted(p))
	}
	if more := len(paths) - most; more > 0 {
		out = append(out, fmt.Sprintf("%d more", more))
	}
	return strings.Join(out, ", ")
}
