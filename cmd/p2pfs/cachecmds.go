//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"
)

func pinCommand() command {
	return command{
		name:    "pin",
		args:    "PATH...",
		summary: "fetch files of a mount and keep them in its cache",
		help: `Pinned files can be read without any peer, also after a restart, and nothing
makes them leave the cache. Of a directory all files are pinned that are in it
now. A file that its member replaces later is another one: pin it again. If the
command is interrupted, what is missing is fetched when it is read, or by
running it again. Pinned files have to fit into --cache-size together.`,
		min: 1, max: -1,
		setup: func(fs *pflag.FlagSet) action {
			list := fs.Bool("list", false, "only list what is pinned at or below PATH")
			return func(ctx context.Context, c call) error {
				if *list {
					return eachPath(ctx, c, opPins, func(_ string, r cacheReport) string { return listText(r) })
				}
				return eachPath(ctx, c, opPin, func(_ string, r cacheReport) string {
					return "pinned " + fetchedText(r)
				})
			}
		},
	}
}

func unpinCommand() command {
	return command{
		name:    "unpin",
		args:    "PATH...",
		summary: "let pinned files leave the cache when room is needed",
		help:    "PATH may also be that of a pinned file that is no longer in the mount.",
		min:     1, max: -1,
		setup: doOnPaths(opUnpin, func(_ string, r cacheReport) string {
			return fmt.Sprintf("unpinned %s, %s", count(r.Files, "file"), humanSize(r.Bytes))
		}),
	}
}

func prefetchCommand() command {
	return command{
		name:    "prefetch",
		args:    "PATH...",
		summary: "fetch files of a mount into its cache before they are read",
		help: `Of a directory, all that is in it. What is fetched leaves the cache again when
room is needed, unlike what is pinned.`,
		min: 1, max: -1,
		setup: doOnPaths(opPrefetch, func(_ string, r cacheReport) string { return "fetched " + fetchedText(r) }),
	}
}

func evictCommand() command {
	return command{
		name:    "evict",
		args:    "PATH...",
		summary: "drop what the cache has of files of a mount",
		help:    "Other members are told. What is pinned stays.",
		min:     1, max: -1,
		setup: doOnPaths(opEvict, func(_ string, r cacheReport) string {
			text := fmt.Sprintf("evicted %s of %s", humanSize(r.Evicted), count(r.Files, "file"))
			if r.Pinned > 0 {
				text += "; " + humanSize(r.Pinned) + " are pinned and stay"
			}
			return text
		}),
	}
}

func verifyCommand() command {
	return command{
		name:    "verify",
		args:    "PATH...",
		summary: "hash again what is here of files, or of the share directory",
		help: `Bad pieces of the cache are dropped, and fetched anew when they are next read. A
file of the share directory that is not what was published is published as what
it is. The status is 1 if there were any. What the kernel has in its page cache
was verified when it was read and is not looked at.`,
		min: 1, max: -1,
		setup: doOnPaths(opVerify, func(_ string, r cacheReport) string {
			return fmt.Sprintf("verified %s, %s, of %s: all good", count(r.Pieces, "piece"), humanSize(r.Bytes), count(r.Files, "file"))
		}),
	}
}

// fetchedText tells what a fetch did.
func fetchedText(r cacheReport) string {
	return fmt.Sprintf("%s, %s: %s came, %s were here", count(r.Files, "file"), humanSize(r.Bytes),
		humanSize(r.Fetched), humanSize(r.Done-r.Fetched))
}

// listText lists pinned files.
func listText(r cacheReport) string {
	var b strings.Builder
	for _, path := range r.Paths {
		b.WriteString(quoted(path) + "\n")
	}
	fmt.Fprintf(&b, "%s, %s", count(r.Files, "pinned file"), humanSize(r.Bytes))
	return b.String()
}

// doOnPaths is the setup of a command without flags that does op to paths.
func doOnPaths(op string, text func(path string, r cacheReport) string) func(*pflag.FlagSet) action {
	return func(*pflag.FlagSet) action {
		return func(ctx context.Context, c call) error { return eachPath(ctx, c, op, text) }
	}
}

// eachPath does op to each argument, in order, and prints what came of it.
func eachPath(ctx context.Context, c call, op string, text func(path string, r cacheReport) string) error {
	for _, path := range c.args {
		r, err := onPath(ctx, c, op, path)
		if err != nil {
			return err
		}
		line := text(path, r)
		if r.Own > 0 {
			line += fmt.Sprintf(" (not counting %s of your own share directory)", count(r.Own, "file"))
		}
		fmt.Fprintln(c.stdout, line)
	}
	return nil
}

// onPath does op to one path and shows on stderr how far it is.
func onPath(ctx context.Context, c call, op, path string) (last cacheReport, err error) {
	var now atomic.Pointer[cacheReport]
	now.Store(new(cacheReport))
	p := newProgress(c.stderr)
	var rate meter
	stop := p.start(func() string {
		r := now.Load()
		return transfer{done: r.Done, all: r.Bytes, rate: rate.rate(time.Now(), r.Done), peers: -1}.String()
	})
	ask := askAbove
	if op == opVerify { // which is of the share directory, too
		ask = askFile
	}
	err = ask(path, func(client *controlClient, real string) error {
		last, err = client.cache(ctx, cacheRequest{op, real}, func(r cacheReport) { now.Store(&r) })
		return err
	})
	stop()
	switch {
	case ctx.Err() != nil:
		return last, errInterrupted
	case err != nil:
		return last, err
	case last.Error != "":
		return last, fmt.Errorf("%s: %s", quoted(path), last.Error)
	case last.Bad > 0:
		return last, fmt.Errorf("%d of %s were bad and are dropped; they belong to %s", last.Bad,
			count(last.Pieces, "piece"), quotedList(last.Paths))
	case last.Changed > 0:
		return last, fmt.Errorf("%s of %d not what was published, and hashed again: %s",
			count(last.Changed, "file"), last.Files, quotedList(last.Paths))
	}
	return last, nil
}

// quotedList joins paths, the first few of them.
func quotedList(paths []string) string {
	const most = 5
	var out []string
	for _, p := range paths[:min(len(paths), most)] {
		out = append(out, quoted(p))
	}
	if more := len(paths) - most; more > 0 {
		out = append(out, fmt.Sprintf("%d more", more))
	}
	return strings.Join(out, ", ")
}

// cache sends a cacheRequest and returns the last report; progress hears of all.
func (c *controlClient) cache(ctx context.Context, in cacheRequest, progress func(cacheReport)) (r cacheReport, err error) {
	resp, err := c.send(ctx, "cache", in)
	if err != nil {
		return r, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return r, decodeAnswer(resp, nil)
	}
	d := json.NewDecoder(resp.Body)
	for !r.End {
		r = cacheReport{}
		if err := d.Decode(&r); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				err = errors.New("the running p2pfs ended meanwhile")
			}
			return r, err
		}
		progress(r)
	}
	return r, nil
}

// askAbove calls f with a client of the mount that a path lies in. Unlike
// askFile it asks no other mount, so that one that hangs is in nobody's way.
func askAbove(path string, f func(c *controlClient, real string) error) error {
	real, err := realPath(path)
	if err != nil {
		return err
	}
	above := socketsAbove(real)
	err = controlSockets(func(names []string) []string {
		return slices.DeleteFunc(slices.Clone(above), func(name string) bool { return !slices.Contains(names, name) })
	}, func(c *controlClient) error { return f(c, real) })
	if errors.Is(err, errNoMount) || errors.Is(err, errElsewhere) {
		return fmt.Errorf("%s: not in a running mount", quoted(path))
	}
	return err
}
