package drive

import (
	"crypto/hmac"
	"crypto/sha256"

	"p2pfs/swarm/catalog"
)

// Key opens a drive: who has it can find its members and join them.
type Key [32]byte

// openDomain keeps the keys of open drives apart from all other hashes.
const openDomain = "p2pfs open drive 1\x00"

// OpenKey returns the key of the open drive of that name, which everybody can
// derive.
func OpenKey(name string) Key { return sha256.Sum256([]byte(openDomain + name)) }

// Rendezvous returns the infohash under which the members of the drive announce
// themselves. It reveals nothing of the key.
func (k Key) Rendezvous() catalog.Salt {
	mac := hmac.New(sha256.New, k[:])
	mac.Write([]byte("p2pfs rendezvous 1"))
	return catalog.Salt(mac.Sum(nil)[:20])
}
