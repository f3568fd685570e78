//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/member"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/state"
	"p2pfs/swarm/catalog/store"
	"p2pfs/swarm/drive"
	"p2pfs/swarm/swarmtest"
)

const (
	// killRounds is how often TestKill kills; P2PFS_KILL_ROUNDS overrides it,
	// P2PFS_KILL_SEED repeats a run as far as its moments can be.
	killRounds = 10
	killOwn    = 24 // files that are shared in the end
)

// killing is a member that is killed again and again, and one that stays and
// sees what becomes of it.
type killing struct {
	*testing.T
	r    *rand.Rand
	anna *member.Member
	bob  *mounted
	far  map[string][]byte // anna's files
	own  map[string][]byte // bob's; each version has a length of its own
	next int               // length of the next version

	// What the last kill left.
	pieces map[string]int64      // in the cache, with their sizes
	shown  map[string]bool       // bob's files that anna saw
	seqs   map[catalog.Key]int64 // on bob's disk
	seq    int64                 // of bob, as anna saw it
}

// number is an environment variable's value.
func number(t *testing.T, name string, byDefault uint64) uint64 {
	s := os.Getenv(name)
	if s == "" {
		return byDefault
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// TestKill kills a member at random moments, while it hashes, publishes,
// downloads and evicts, and looks at what the next start makes of it: no share
// is lost, no whole piece, no sequence number goes back, no byte is wrong, and
// nothing is hashed again.
func TestKill(t *testing.T) {
	t.Parallel()
	needMount(t)
	seed := number(t, "P2PFS_KILL_SEED", uint64(time.Now().UnixNano()))
	rounds := int(number(t, "P2PFS_KILL_ROUNDS", killRounds))
	t.Logf("P2PFS_KILL_SEED=%d", seed)
	k := &killing{T: t, r: rand.New(rand.NewPCG(seed, 5)), far: map[string][]byte{}, own: map[string][]byte{}, next: 100_000}
	k.anna = onOneMachine(t, "anna", swarmtest.Host())
	for i := range 6 {
		name := fmt.Sprint("far-", i)
		k.far[name] = swarmtest.Bytes(uint64(i), 1<<20+i*1000)
		if err := os.WriteFile(filepath.Join(k.anna.Config.Share, name), k.far[name], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	k.bob = newMounted(t, t.Name(), "bob", "--no-embedded-tracker", "--peer", k.anna.Addr().String())
	for round := range rounds {
		k.round(round)
		if t.Failed() {
			t.Fatalf("in round %d; P2PFS_KILL_SEED=%d", round, seed)
		}
	}
}

// round starts bob, looks at what the kill before left, and kills him.
func (k *killing) round(n int) {
	mode := k.r.IntN(4) // 0: hash and publish, 1: download, 2: evict, 3: all of it
	flags := k.bob.flags
	if mode == 2 {
		k.bob.flags = append(slices.Clone(flags), "--cache", k.bob.base+"/small", "--cache-size", "1MiB")
	}
	defer func() { k.bob.flags = flags }()
	if k.r.IntN(3) == 0 { // on the way up
		c := k.bob.launch()
		time.Sleep(time.Duration(k.r.IntN(100)) * time.Millisecond)
		k.kill(c)
	}
	c := k.bob.spawn()
	if n > 0 {
		k.checkShares()
		k.checkSeqs()
		k.checkPieces(mode != 2)
	}
	began := time.Now()
	k.load(c, mode)
	k.Logf("round %d, mode %d: killed after %v", n, mode, time.Since(began))
	k.look()
}

// load keeps bob busy and kills him at some moment.
func (k *killing) load(c *child, mode int) {
	var wg sync.WaitGroup
	stop := make(chan struct{})
	if mode != 0 {
		within(k.T, patience, func() error { _, err := os.Stat(k.bob.mnt("far-5")); return err })
		for range 3 {
			r := rand.New(rand.NewPCG(k.r.Uint64(), 0))
			wg.Go(func() { k.read(r, stop) })
		}
	}
	if mode == 0 || mode == 3 {
		for range 1 + k.r.IntN(4) {
			k.share()
		}
	}
	time.Sleep(time.Duration(k.r.IntN(400)) * time.Millisecond)
	close(stop)
	k.kill(c)
	wg.Wait()
}

// kill kills bob. Where the kernel does not let him end, because he was telling
// it of a change, the next command for the mount must see to that.
func (k *killing) kill(c *child) {
	c.Process.Kill()
	select {
	case <-c.done:
	case <-time.After(2 * time.Second):
		k.Log("killed, and cannot end: umount sees to it")
		runArgs(k.T, "umount", k.bob.mnt()).want(k.T, cli.ExitDone, "")
		c.waitEnd(k.T)
	}
}

// share writes a new file into bob's share directory, or another version of
// one that is there.
func (k *killing) share() {
	k.next += 1 + k.r.IntN(100_000)
	if k.next > 3<<20 {
		k.next = 100_000 + k.r.IntN(1000)
	}
	path := fmt.Sprintf("own-%d/f", k.r.IntN(killOwn))
	k.own[path] = swarmtest.Bytes(k.r.Uint64(), k.next)
	k.bob.write(path, k.own[path])
}

// read reads here and there in anna's files through bob's mount. Errors are
// what a kill may give, wrong bytes are not.
func (k *killing) read(r *rand.Rand, stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		name := fmt.Sprint("far-", r.IntN(len(k.far)))
		f, err := os.Open(k.bob.mnt(name))
		if err != nil {
			return
		}
		off := r.IntN(len(k.far[name]))
		buf := make([]byte, min(1+r.IntN(300_000), len(k.far[name])-off))
		n, _ := f.ReadAt(buf, int64(off))
		f.Close()
		if !bytes.Equal(buf[:n], k.far[name][off:off+n]) {
			k.Errorf("%s: wrong bytes of %d at %d", name, n, off)
		}
	}
}

// look notes what the kill left.
func (k *killing) look() {
	k.pieces = map[string]int64{}
	filepath.WalkDir(filepath.Join(k.bob.base, "cache"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && len(filepath.Base(filepath.Dir(path))) == 2 && !strings.HasSuffix(path, ".tmp") {
			if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
				k.pieces[path] = info.Size()
			}
		}
		return nil
	})
	k.shown, k.seq = k.seen()
	k.seqs = k.onDisk()
}

// seen is what anna has of bob: his files that she shows as they are now, and
// his sequence number.
func (k *killing) seen() (map[string]bool, int64) {
	shown, seq := map[string]bool{}, int64(0)
	v := k.anna.View()
	for _, m := range v.Members() {
		if m.Self {
			continue
		}
		seq = m.Seq
		his, _ := v.Member(m.Key)
		for path, data := range k.own {
			if e, err := his.Lookup(path); err == nil && e.Size == int64(len(data)) {
				shown[path] = true
			}
		}
	}
	return shown, seq
}

// onDisk are the sequence numbers in bob's store, read from a copy.
func (k *killing) onDisk() map[catalog.Key]int64 {
	salt := drive.OpenKey(k.Name()).Rendezvous()
	data, err := os.ReadFile(filepath.Join(k.bob.base, "state/drives", fmt.Sprintf("%x", salt), "catalog.db"))
	if err != nil {
		k.Fatal(err)
	}
	path := filepath.Join(k.TempDir(), "catalog.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		k.Fatal(err)
	}
	store, err := store.Open(path, salt, quiet)
	if err != nil {
		k.Fatal(err)
	}
	defer store.Close()
	if aside, _ := filepath.Glob(path + ".damaged*"); aside != nil {
		k.Error("the catalogue was left broken")
	}
	state, err := state.New(state.Config{Store: store, Salt: salt})
	if err != nil {
		k.Fatal(err)
	}
	seqs := map[catalog.Key]int64{}
	for _, v := range state.Authors.Versions() {
		seqs[v.Key] = v.Seq
	}
	return seqs
}

// checkShares waits until anna sees all that bob shares, and tells how much of
// it he has hashed for that.
func (k *killing) checkShares() {
	var s control.Status
	within(k.T, 2*patience, func() error {
		s = status(k.T, k.bob)
		if shown, _ := k.seen(); len(shown) != len(k.own) || s.Sharing.Hashing > 0 {
			return fmt.Errorf("anna sees %d of %d files of bob, who still hashes %d", len(shown), len(k.own), s.Sharing.Hashing)
		}
		return nil
	})
	// What was published may be hashed again: its record waits for the disk.
	k.Logf("%d files hashed, %d of %d were published before", s.Sharing.FilesHashed, len(k.shown), len(k.own))
	for path, data := range k.own { // any one
		got, err := os.ReadFile(filepath.Join(k.anna.Config.MountPoint, path))
		if err != nil || !bytes.Equal(got, data) {
			k.Errorf("anna reads %s of bob: %d bytes, want %d, %v", path, len(got), len(data), err)
		}
		break
	}
}

func (k *killing) checkSeqs() {
	if _, seq := k.seen(); seq < k.seq {
		k.Errorf("bob's sequence number was %d, is %d", k.seq, seq)
	}
	now := k.onDisk()
	for key, was := range k.seqs {
		if now[key] < was {
			k.Errorf("the sequence number of %s was %d, is %d", key.Short(), was, now[key])
		}
	}
}

// checkPieces looks whether each whole piece is still there. If that cache is
// the one in use all files are read: what is held is not fetched again.
func (k *killing) checkPieces(inUse bool) {
	var held, all int64
	for path, size := range k.pieces {
		held += size
		if info, err := os.Stat(path); err != nil || info.Size() != size {
			k.Errorf("piece %s is lost: %v", filepath.Base(path), err)
		}
	}
	if !inUse || k.r.IntN(3) > 0 {
		return
	}
	for name, data := range k.far {
		all += int64(len(data))
		within(k.T, patience, func() error {
			got, err := os.ReadFile(k.bob.mnt(name))
			if err == nil && !bytes.Equal(got, data) {
				err = errors.New("wrong bytes")
				k.Errorf("%s: %v", name, err)
			}
			return err
		})
	}
	down := status(k.T, k.bob).Traffic.Downloaded
	if down > all-held {
		k.Errorf("%d bytes fetched, of %d only %d were missing", down, all, all-held)
	}
	k.Logf("%d bytes of %d fetched, %d were missing", down, all, all-held)
}
