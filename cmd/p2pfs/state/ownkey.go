//go:build linux

package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/durable"
)

// Files of a member's key in the state directory.
const (
	keyName     = "key"
	machineName = "key.machine" // tells on which machine the key was first used
)

// MachineIDPath is the file that tells machines apart (machine-id(5)).
const MachineIDPath = "/etc/machine-id"

// OwnKey is our member key, which is replaced when another running p2pfs turns
// out to have the same. Safe for concurrent use.
type OwnKey struct {
	state, machineID string // directory, and file

	mu    sync.Mutex // guards what follows
	id    *catalog.Identity
	moved bool        // the key was first used on another machine
	given catalog.Key // what id was before another p2pfs was found to have it; zero: the same
}

// OpenKey reads the key in a state directory, or makes it, and notes on which
// machine that was.
func OpenKey(state, machineID string) (*OwnKey, error) {
	k := &OwnKey{state: state, machineID: machineID}
	return k, k.load()
}

func (k *OwnKey) load() error {
	id, err := catalog.LoadIdentity(filepath.Join(k.state, keyName))
	if err != nil {
		return err
	}
	moved, err := k.checkMachine(id.Key())
	if err == nil {
		k.id, k.moved = id, moved
	}
	return err
}

// checkMachine reports whether a key was first used on another machine, as in a
// clone of that or a restored backup. Where no machine is noted this one is; one
// that cannot be told from others has not moved.
func (k *OwnKey) checkMachine(key catalog.Key) (moved bool, err error) {
	here := machineMark(k.machineID, key)
	if here == nil {
		return false, nil
	}
	path := filepath.Join(k.state, machineName)
	noted, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && len(bytes.TrimSpace(noted)) == 0:
		return false, durable.WriteFile(path, append(here, '\n'), 0o600)
	case err != nil:
		return false, fmt.Errorf("machine of the member key: %w", err)
	}
	return !bytes.Equal(bytes.TrimSpace(noted), here), nil
}

// machineMark is a hash of a machine's ID and the key, in hex: IDs are not to be
// told to others (machine-id(5)). Nil where the machine has none.
func machineMark(path string, key catalog.Key) []byte {
	id, err := os.ReadFile(path)
	if id = bytes.TrimSpace(id); err != nil || len(id) < 32 {
		return nil
	}
	sum := sha256.Sum256(append(append([]byte("p2pfs machine 1\x00"), key[:]...), id...))
	return hex.AppendEncode(nil, sum[:])
}

// Identity returns the key and whether it has moved.
func (k *OwnKey) Identity() (id *catalog.Identity, moved bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.id, k.moved
}

// Key returns the public key.
func (k *OwnKey) Key() catalog.Key {
	id, _ := k.Identity()
	return id.Key()
}

// GivenUp returns the key that was left to another p2pfs, if any.
func (k *OwnKey) GivenUp() (catalog.Key, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.given, k.given != catalog.Key{}
}

// Renew makes a new key. The old one is kept beside it.
func (k *OwnKey) Renew() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	old := k.id.Key()
	path := filepath.Join(k.state, keyName)
	aside := path + ".copied-" + old.Short()
	if err := os.Rename(path, aside); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(k.state, machineName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := k.load(); err != nil {
		return errors.Join(err, os.Rename(aside, path))
	}
	k.given = old
	return nil
}
