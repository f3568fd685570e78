package catalog

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"p2pfs/swarm/durable"
)

// Key is a member's Ed25519 public key: his name among members.
type Key [ed25519.PublicKeySize]byte

// String returns k in 64 hex digits.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// Short returns the first 16 hex digits of k, as they stand in shown names. Eight
// could be made to fit another's by trying keys for an hour.
func (k Key) Short() string { return hex.EncodeToString(k[:8]) }

// ParseKey reads a key from 64 hex digits.
func ParseKey(s string) (Key, error) {
	var k Key
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(k) {
		return k, fmt.Errorf("member key %q: not 64 hex digits", s)
	}
	copy(k[:], b)
	return k, nil
}

// Verify reports whether sig is k's signature over msg.
func (k Key) Verify(msg, sig []byte) bool {
	return len(sig) == ed25519.SignatureSize && ed25519.Verify(k[:], msg, sig)
}

// Identity is a member's key pair. Immutable.
type Identity struct {
	key     Key
	private ed25519.PrivateKey
}

// NewIdentity makes a key pair that nobody else has.
func NewIdentity() *Identity {
	var seed [ed25519.SeedSize]byte
	rand.Read(seed[:]) // never fails, or the process ends
	return IdentityFromSeed(seed)
}

// IdentityFromSeed derives the key pair of a seed (RFC 8032's private key).
func IdentityFromSeed(seed [ed25519.SeedSize]byte) *Identity {
	id := &Identity{private: ed25519.NewKeyFromSeed(seed[:])}
	copy(id.key[:], id.private.Public().(ed25519.PublicKey))
	return id
}

// Key returns the public key.
func (id *Identity) Key() Key { return id.key }

// Sign returns the signature over msg.
func (id *Identity) Sign(msg []byte) [ed25519.SignatureSize]byte {
	return [ed25519.SignatureSize]byte(ed25519.Sign(id.private, msg))
}

// keyPrefix opens a key file, before the seed in hex and a newline.
const keyPrefix = "p2pfs-ed25519 "

// LoadIdentity reads the key file at path and makes it, mode 0600, if there is
// none. A file that others can read is an error, and so is one that is not a
// key file: neither is replaced.
func LoadIdentity(path string) (*Identity, error) {
	id, err := readIdentity(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return id, err
	}
	if err := createIdentity(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("member key: %w", err)
	}
	return readIdentity(path) // another process may have been faster
}

func readIdentity(path string) (*Identity, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("member key: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > 4096 {
		return nil, fmt.Errorf("member key %s: not a key file", path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("member key %s: mode %04o lets others at it, want 0600", path, mode)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("member key: %w", err)
	}
	digits, ok := strings.CutPrefix(strings.TrimSpace(string(data)), keyPrefix)
	seed, err := hex.DecodeString(digits)
	if !ok || err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("member key %s: not a key file", path)
	}
	return IdentityFromSeed([ed25519.SeedSize]byte(seed)), nil
}

// createIdentity writes a new key file whole or not at all, unless there is one
// already.
func createIdentity(path string) error {
	seed := NewIdentity().private.Seed()
	return durable.CreateFile(path, []byte(keyPrefix+hex.EncodeToString(seed)+"\n"), 0o600)
}
