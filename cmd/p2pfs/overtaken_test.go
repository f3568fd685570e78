//go:build linux

package main

import (
	"os"
	"testing"

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
