//go:build linux

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"p2pfs/swarm/swarmtest"
)

// damageRounds is how often a database is damaged, by turns one of two;
// P2PFS_DAMAGE_ROUNDS=128 is 64 times each.
const damageRounds = 12

// TestDamagedDatabases damages the databases of a member that was killed, or has
// stopped: he starts each time, what others share is back, what he shares is
// seen, and bytes are right. P2PFS_DAMAGE_SEED repeats a run.
func TestDamagedDatabases(t *testing.T) {
	t.Parallel()
	needMount(t)
	seed := number(t, "P2PFS_DAMAGE_SEED", uint64(time.Now().UnixNano()))
	rounds := int(number(t, "P2PFS_DAMAGE_ROUNDS", damageRounds))
	t.Logf("P2PFS_DAMAGE_SEED=%d", seed)
	r := rand.New(rand.NewPCG(seed, 6))
	anna := newMounted(t, t.Name(), "anna").start()
	bob := newMounted(t, t.Name(), "bob", "--no-embedded-tracker", "--tracker", anna.tracker())
	hers := map[string][]byte{}
	for i := range 40 {
		name := fmt.Sprintf("hers-%d/file", i)
		hers[name] = swarmtest.Bytes(uint64(i), 1000+i*300)
		anna.write(name, hers[name])
	}
	aside := 0
	for round := range rounds {
		c := bob.spawn()
		own := fmt.Sprintf("own-%d", round)
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("log of round %d: %s", round, c.stderr)
				t.Logf("anna: %s%s", anna.stderr, runArgs(t, "status", anna.mnt(), anna.mnt(own)).stdout)
			}
		})
		data := swarmtest.Bytes(uint64(1000+round), 20_000+round)
		bob.write(own, data)
		anna.sees(own, data)
		for _, name := range []string{"hers-0/file", fmt.Sprintf("hers-%d/file", r.IntN(40))} {
			bob.sees(name, hers[name])
		}
		if round%4 < 2 {
			c.Process.Kill()
		} else {
			c.Process.Signal(syscall.SIGTERM)
		}
		c.waitEnd(t)
		if n := strings.Count(c.stderr.String(), "set aside"); n > 1 {
			t.Errorf("said %d times: %s", n, c.stderr)
		} else {
			aside += n
		}
		how := harmDatabase(t, bob.base, r, round%2 == 0)
		if t.Failed() {
			t.Fatalf("round %d, before %s", round, how)
		}
		t.Logf("round %d: %s", round, how)
	}
	bob.spawn()
	bob.sees("hers-7/file", hers["hers-7/file"])
	t.Logf("%d of %d set aside", aside, rounds)
}

// harmDatabase flips bits, zeroes a page or cuts a database of a state
// directory.
func harmDatabase(t *testing.T, base string, r *rand.Rand, hashes bool) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(base, "state/drives/*/catalog.db"))
	if hashes {
		paths, err = filepath.Glob(filepath.Join(base, "state/hashes.db"))
	}
	if err != nil || len(paths) != 1 {
		t.Fatalf("databases: %q, %v", paths, err)
	}
	data, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	used := max(page, len(bytes.TrimRight(data, "\x00")))
	at := r.IntN(used)
	how := fmt.Sprintf("%s, %d bytes: ", filepath.Base(paths[0]), used)
	switch r.IntN(5) {
	case 0:
		data[at] ^= 1 << r.IntN(8)
		how += fmt.Sprintf("a bit of byte %d", at)
	case 1:
		at = at/page*page + r.IntN(128)
		n := min(64, len(data)-at)
		clear(data[at : at+n])
		how += fmt.Sprintf("%d zeros at %d", n, at)
	case 2:
		at = at / page * page
		clear(data[at : at+page])
		how += fmt.Sprintf("page at %d zeroed", at)
	case 3:
		data = data[:at]
		how += fmt.Sprintf("cut to %d", at)
	case 4:
		data = data[:len(data)/2]
		how += "cut in half"
	}
	if err := os.WriteFile(paths[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	return how
}
