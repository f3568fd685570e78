//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/cmd/p2pfs/member"
	"p2pfs/cmd/p2pfs/netflags"
	"p2pfs/cmd/p2pfs/pause"
)

const (
	demoFile = "talk.mkv"
	// demoPatience bounds the wait for the file to appear on the other mount.
	demoPatience = 30 * time.Second
)

func demoCommand() cli.Command {
	return cli.Command{
		Name:    "demo",
		Summary: "send a file between two members of a drive on this machine",
		Help: `Everything happens in a temporary directory and between two addresses of this
machine's loopback interface; all of it is removed at the end.`,
		Setup: func(flags *pflag.FlagSet) cli.Action {
			size, level := int64(64<<20), slog.LevelError
			flags.Var(cli.SizeFlag(&size), "size", "size of the file that is sent")
			netflags.AddLevel(flags, &level)
			return func(ctx context.Context, c cli.Call) error {
				if size <= 0 {
					return cli.Usagef("demo: --size: want 1 or more")
				}
				if err := canMount(); err != nil {
					return err
				}
				d := &demo{c: c, size: size, log: netflags.NewLog(c.Stderr, level)}
				err := d.run(ctx)
				if err = errors.Join(err, d.close()); ctx.Err() != nil {
					return cli.ErrInterrupted
				}
				return err
			}
		},
	}
}

// canMount says what to install where this machine cannot mount.
func canMount() error {
	if _, err := exec.LookPath("fusermount3"); err != nil {
		return errors.New("fusermount3 is missing; install it: apt-get install fuse3")
	}
	f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("no FUSE in this kernel, or no permission: %w; try: modprobe fuse", err)
	}
	return f.Close()
}

// demo is two members and their directories.
type demo struct {
	c         cli.Call
	size      int64
	log       *slog.Logger
	dir       string
	anna, bob *member.Member
	sent      [sha256.Size]byte
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.c.Stdout, format+"\n", args...) }

// run is the demonstration; it stops at the first error and when ctx ends.
func (d *demo) run(ctx context.Context) (err error) {
	if d.dir, err = os.MkdirTemp("", "p2pfs-demo-"); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{d.mount, d.share, d.appear, d.fetch, d.again} {
		if err := step(ctx); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// close unmounts and removes everything.
func (d *demo) close() error {
	var errs []error
	for _, m := range []*member.Member{d.bob, d.anna} {
		if m != nil {
			errs = append(errs, m.Close())
		}
	}
	if d.dir != "" {
		errs = append(errs, os.RemoveAll(d.dir))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	d.say("unmounted, and all of it removed")
	return nil
}

// mount starts both members; they meet without a tracker, because one is told
// where the other is.
func (d *demo) mount(context.Context) (err error) {
	drive := "demo " + rand.Text()
	if d.anna, err = d.member(drive, "anna", "127.0.0.2", nil); err != nil {
		return err
	}
	d.bob, err = d.member(drive, "bob", "127.0.0.3", []string{d.anna.Addr().String()})
	return err
}

func (d *demo) member(drive, name, addr string, peers []string) (*member.Member, error) {
	base := filepath.Join(d.dir, name)
	cfg := member.Config{
		Drive: drive, Name: name, Share: base + "/share", Cache: base + "/cache", State: base + "/state",
		MountPoint: base + "/mnt", CacheSize: 2*d.size + 64<<20, Log: d.log,
		Net: member.Net{Listen: cli.ListenAddr{Addr: netip.MustParseAddr(addr), Port: 0}, Peers: peers, NoTracker: true, ReadTimeout: time.Minute},
	}
	if err := os.MkdirAll(cfg.MountPoint, 0o755); err != nil {
		return nil, err
	}
	m, err := member.Start(cfg)
	if err != nil {
		return nil, err
	}
	d.say("%s mounted the drive on %s, shares %s", name, cfg.MountPoint, cfg.Share)
	return m, nil
}

// share copies a file into anna's share directory.
func (d *demo) share(ctx context.Context) error {
	began := time.Now()
	f, err := os.Create(filepath.Join(d.anna.Config.Share, demoFile))
	if err != nil {
		return err
	}
	h := sha256.New()
	_, err = io.CopyN(io.MultiWriter(f, h), &interruptible{ctx, rand.Reader}, d.size)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	h.Sum(d.sent[:0])
	d.say("anna copied %s of random bytes into her share directory as %s (%v)", human.Size(d.size), demoFile, took(began))
	return nil
}

// appear waits until bob sees it.
func (d *demo) appear(ctx context.Context) error {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, demoPatience)
	defer cancel()
	for {
		if info, err := os.Stat(d.shown()); err == nil && info.Size() == d.size {
			d.say("bob sees it in his mount after %v; no byte of it has moved", took(began))
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s did not appear: %w", d.shown(), ctx.Err())
		}
		pause.For(ctx, 5*time.Millisecond)
	}
}

func (d *demo) shown() string { return filepath.Join(d.bob.Config.MountPoint, demoFile) }

// fetch reads the file through bob's mount.
func (d *demo) fetch(ctx context.Context) error {
	var n atomic.Int64
	began := time.Now()
	stop := cli.NewProgress(d.c.Stderr).Start(func() string {
		rate := float64(n.Load()) / time.Since(began).Seconds()
		return fmt.Sprintf("bob reads %5.1f%%  %s", human.Percent(n.Load(), d.size), human.Rate(int64(rate)))
	})
	sum, first, err := d.readAll(ctx, &n)
	stop()
	if err != nil {
		return err
	}
	total := time.Since(began)
	d.say("bob read it through his mount in %v (%s), the first byte after %v",
		brief(total), human.Rate(int64(float64(d.size)/total.Seconds())), brief(first))
	if !bytes.Equal(sum, d.sent[:]) {
		return errors.New("the bytes differ")
	}
	d.say("SHA-256 on both sides: %x", sum)
	return nil
}

// again reads it a second time, from bob's own machine.
func (d *demo) again(ctx context.Context) error {
	began := time.Now()
	sum, _, err := d.readAll(ctx, new(atomic.Int64))
	if err != nil {
		return err
	}
	if !bytes.Equal(sum, d.sent[:]) {
		return errors.New("the bytes differ at the second read")
	}
	d.say("bob read it again in %v, without anna", took(began))
	return nil
}

// readAll reads and hashes the file in bob's mount.
func (d *demo) readAll(ctx context.Context, n *atomic.Int64) (sum []byte, first time.Duration, err error) {
	began := time.Now()
	f, err := os.Open(d.shown())
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	h, buf := sha256.New(), make([]byte, 1<<20)
	r := &interruptible{ctx, f}
	for {
		k, err := r.Read(buf)
		if n.Add(int64(k)) == int64(k) {
			first = time.Since(began)
		}
		h.Write(buf[:k])
		if err == io.EOF {
			return h.Sum(nil), first, nil
		}
		if err != nil {
			return nil, 0, err
		}
	}
}

// interruptible is a Reader that stops when ctx ends.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (r *interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// took is the time since then.
func took(since time.Time) time.Duration { return brief(time.Since(since)) }

// brief leaves out what nobody can perceive.
func brief(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
