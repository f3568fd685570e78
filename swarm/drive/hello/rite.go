package hello

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
)

// Domains keep what is signed or authenticated here apart from all else.
const (
	proveDomain = "p2pfs prove 2"
	helloDomain = "p2pfs hello 2"
)

// rite is what both sides of a handshake have in common: whatever they prove is
// over it, so that it is of no use on another connection, in the other role, or
// in another drive.
type rite struct {
	secret            [32]byte
	rendezvous        catalog.Salt
	dialler, acceptor [32]byte
}

// statement begins with a domain, a role, both nonces and the rendezvous.
func (r *rite) statement(domain string, byDialler bool) []byte {
	role := byte('a')
	if byDialler {
		role = 'd'
	}
	b := make([]byte, 0, 256)
	b = append(append(b, domain...), role)
	b = append(append(b, r.dialler[:]...), r.acceptor[:]...)
	return append(b, r.rendezvous[:]...)
}

func (r *rite) mac(statement []byte) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, r.secret[:])
	mac.Write(statement)
	return [sha256.Size]byte(mac.Sum(sum[:0]))
}

// prove returns the dialler's proof that he has the drive key. It does not say
// who he is.
func (r *rite) prove() message.Prove {
	return message.Prove{Version: message.Version, MAC: r.mac(r.statement(proveDomain, true))}
}

func (r *rite) proven(p message.Prove) bool {
	want := r.mac(r.statement(proveDomain, true))
	return hmac.Equal(p.MAC[:], want[:])
}

// told returns what a hello's signature and its proof are over: all of it but
// the two.
func (r *rite) told(h *message.Hello, byDialler bool) []byte {
	b := append(r.statement(helloDomain, byDialler), h.Key[:]...)
	b = binary.BigEndian.AppendUint16(b, h.Port)
	b = binary.BigEndian.AppendUint64(b, uint64(h.Clock))
	b = binary.BigEndian.AppendUint64(b, uint64(h.Began))
	moved := byte(0)
	if h.Moved {
		moved = 1
	}
	return append(append(b, moved), h.Name...)
}

// seal signs a hello and proves that its sender has the drive key.
func (r *rite) seal(h *message.Hello, byDialler bool, id *catalog.Identity) {
	told := r.told(h, byDialler)
	h.Sig, h.MAC = id.Sign(told), r.mac(told)
}

// check says why a hello is to be refused: ErrProof or ErrHello.
func (r *rite) check(h *message.Hello, byDialler bool) error {
	told := r.told(h, byDialler)
	want := r.mac(told)
	switch {
	case !hmac.Equal(h.MAC[:], want[:]):
		return ErrProof
	case !h.Key.Verify(told, h.Sig[:]):
		return ErrHello
	}
	return nil
}
