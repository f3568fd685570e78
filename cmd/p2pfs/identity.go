//go:build linux

package main

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
)

// Files of a member's key in the state directory.
const (
	keyName     = "key"
	machineName = "key.machine" // tells on which machine the key was first used
)

// machineIDPath is the file that tells machines apart (machine-id(5)).
const machineIDPath = "/etc/machine-id"

// ownKey is our member key, which is replaced when another running p2pfs turns
// out to have the same. Safe for concurrent use.
type ownKey struct {
	state, machineID string // directory, and file

	mu    sync.Mutex // guards what follows
	id    *catalog.Identity
	moved bool        // the key was first used on another machine
	given catalog.Key // what id was before another p2pfs was found to have it; zero: the same
}

// openOwnKey reads the key in a state directory, or makes it, and notes on which
// machine that was.
func openOwnKey(state, machineID string) (*ownKey, error) {
	k := &ownKey{state: state, machineID: machineID}
	return k, k.load()
}

func (k *ownKey) load() error {
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
func (k *ownKey) checkMachine(key catalog.Key) (moved bool, err error) {
	here := machineMark(k.machineID, key)
	if here == nil {
		return false, nil
	}
	path := filepath.Join(k.state, machineName)
	noted, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && len(bytes.TrimSpace(noted)) == 0:
		return false, replaceFile(path, append(here, '\n'))
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

// identity returns the key and whether it has moved.
func (k *ownKey) identity() (id *catalog.Identity, moved bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.id, k.moved
}

// Key returns the public key.
func (k *ownKey) Key() catalog.Key {
	id, _ := k.identity()
	return id.Key()
}

// GivenUp returns the key that was left to another p2pfs, if any.
func (k *ownKey) GivenUp() (catalog.Key, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.given, k.given != catalog.Key{}
}

// renew makes a new key. The old one is kept beside it.
func (k *ownKey) renew() error {
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
