//go:build linux

package main

import (
	"os"
	"testing"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/swarm/swarmtest"
)

// TestOvertaken copies a file into the share directory that is being fetched by
// way of the cache: peers get all of it at once, and a read that waits is
// answered.
func TestOvertaken(t *testing.T) {
	a := newMounted(t, t.Name(), "anna").start()
	b := newMounted(t, t.Name(), "bob", "--tracker", a.tracker()).start()
	c := newMounted(t, t.Name(), "carl", "--tracker", a.tracker()).start()
	data := swarmtest.Bytes(8, 1<<20)
	a.write("file", data)
	b.listed("file")
	f, err := os.Open(b.mnt("file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.ReadAt(make([]byte, 10), 0); err != nil { // bob's torrent runs, without most pieces
		t.Fatal(err)
	}
	c.listed("file")
	a.stop()
	read := make(chan error, 1)
	go func() {
		_, err := f.ReadAt(make([]byte, 10), 700_000)
		read <- err
	}()
	within(t, patience, func() error {
		if s := status(t, b); s.Traffic.ReadsWaiting == 0 {
			return os.ErrProcessDone
		}
		return nil
	})
	b.write("file", data)
	c.reads("file", data)
	if err := <-read; err != nil {
		t.Errorf("the read that waited: %v", err)
	}
}

// TestReadOfWhatIsServed evicts a file whose torrent a peer began: a reader of
// it finds the others nevertheless.
func TestReadOfWhatIsServed(t *testing.T) {
	a := newMounted(t, t.Name(), "anna").start()
	b := newMounted(t, t.Name(), "bob", "--tracker", a.tracker(), "--read-timeout", "20s").start()
	c := newMounted(t, t.Name(), "carl", "--tracker", a.tracker()).start()
	data := swarmtest.Bytes(9, 1<<20)
	a.write("file", data)
	b.reads("file", data)
	b.command("prefetch", "file").want(t, cli.ExitDone, "fetched 1 file")
	b.stop()
	b.start()
	a.stop()
	c.reads("file", data) // from bob
	a.start("--peer", b.addr+":1")
	b.command("evict", "").want(t, cli.ExitDone, "evicted 1.0 MiB")
	within(t, patience, func() error {
		if s := status(t, b); len(s.Members) < 2 || !s.Members[0].Connected || !s.Members[1].Connected {
			return os.ErrProcessDone
		}
		return nil
	})
	c.command("evict", "").want(t, cli.ExitDone, "evicted 1.0 MiB")
	b.reads("file", data)
}
