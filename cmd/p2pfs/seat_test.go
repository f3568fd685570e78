//go:build linux

package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"p2pfs/swarm/bencode"
	"p2pfs/swarm/drive"
	"p2pfs/swarm/swarmtest"
	"p2pfs/swarm/wire"
)

// copyState gives b the state directory of a, as a clone of its machine has it.
func copyState(t *testing.T, a, b *mounted) {
	t.Helper()
	if err := os.CopyFS(b.base+"/state", os.DirFS(a.base+"/state")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(b.base+"/state/key", 0o600); err != nil {
		t.Fatal(err)
	}
}

// says waits until the status of a member says something in a notice, and its
// log too, if that is not empty.
func (m *mounted) says(notice, log string) {
	m.t.Helper()
	within(m.t, patience, func() error {
		text := status(m.t, m).String()
		if !strings.Contains(text, notice) {
			return fmt.Errorf("%s: status does not say %q: %s", m.name, notice, text)
		}
		if !strings.Contains(m.stderr.String(), log) {
			return fmt.Errorf("%s: log does not say %q: %s", m.name, log, m.stderr)
		}
		return nil
	})
}

// Of two machines with one key one makes a new one, both say so, and the files of
// both are there: the one that began later, or the one that is on another machine
// than the key was made on.
func TestOneKeyOnTwoMachines(t *testing.T) {
	for name, c := range map[string]struct{ moved, first bool }{
		"the later one": {false, false}, "the first one, which has moved": {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newMounted(t, t.Name(), "anna").start()
			key := status(t, x).Key
			x.stop()
			y := newMounted(t, t.Name(), "anna")
			copyState(t, x, y)
			if c.moved {
				mark := strings.Repeat("ab", 32) + "\n"
				if err := os.WriteFile(x.base+"/state/key.machine", []byte(mark), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			third := newMounted(t, t.Name(), "bob").start()
			x.write("of-x.txt", []byte("x"))
			y.write("of-y.txt", []byte("y"))
			x.start("--tracker", third.tracker())
			third.sees("of-x.txt", []byte("x"))
			y.start("--tracker", third.tracker())
			yields, keeps := y, x
			if c.first {
				yields, keeps = x, y
			}
			yields.says("this one made a new one", "this one made a new one")
			keeps.says("that one is to make a new one", "another p2pfs has our member key")
			if a, b := status(t, keeps).Key, status(t, yields).Key; a != key || b == key {
				t.Errorf("keys: %s was kept as %s, and replaced by %s", key, a, b)
			}
			for _, m := range []*mounted{third, x, y} {
				m.sees("of-x.txt", []byte("x"))
				m.sees("of-y.txt", []byte("y"))
			}
			kept, err := filepath.Glob(yields.base + "/state/key.copied-" + key[:16])
			if err != nil || len(kept) != 1 {
				t.Errorf("the old key is not kept: %v, %v", kept, err)
			}
			yields.stop()
			yields.start("--tracker", third.tracker())
			yields.says(key[:16], "") // a member like others now
			third.sees("of-y.txt", []byte("y"))
		})
	}
}

// hello1 is a hello of version 1, as it was recorded: of a member called bob.
const hello1 = "64313a6b33323ad9246abf498968a171fa1902b4aa9683dd1fd6288a87e07180c9a00ab40e44e4313a6e333a626f62313a70693638383165" +
	"313a7336343a144f8c54190bd95c0f1e32539c58f43a2c5f4320404b2943aba59022f062d78fbed95df62a083add50f74eb6c9e6013b44d9945b" +
	"1f053eeae06780307b07d202313a74353a68656c6c6f313a7669316565"

// A member of the first version, with which nobody can talk any more, is named.
func TestMemberOfTheFirstVersionIsNamed(t *testing.T) {
	t.Parallel()
	m := newMounted(t, t.Name(), "anna").start()
	hello, err := hex.DecodeString(hello1)
	if err != nil {
		t.Fatal(err)
	}
	c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: swarmtest.Host().AsSlice()}, Timeout: 10 * time.Second}).Dial("tcp", status(t, m).Listen)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	hs := wire.Handshake{InfoHash: [20]byte(drive.OpenKey(m.drive).Rendezvous()), PeerID: [20]byte{'-', 'P', 'F'}}
	hs.SetExtended()
	b := wire.AppendHandshake(nil, hs)
	b = wire.AppendExtendedHandshake(b, &wire.ExtendedHandshake{
		M: map[string]int{"p2pfs": 1}, Extra: map[string]bencode.RawMessage{"p2pfs_nonce": []byte("32:" + strings.Repeat("n", 32))},
	})
	if _, err := c.Write(wire.AppendExtended(b, 1, hello)); err != nil {
		t.Fatal(err)
	}
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	heard, err := io.ReadAll(c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("not closed")
	}
	if key, _ := hex.DecodeString(status(t, m).Key); strings.Contains(string(heard), string(key)) || strings.Contains(string(heard), "anna") {
		t.Errorf("tells its key or name: %q", heard)
	}
	m.says(`"bob" runs an older p2pfs`, "runs an older p2pfs")
}
