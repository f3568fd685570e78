package packet

import (
	"encoding/binary"
	"iter"
	"net/netip"
)

// An Event says why a peer announces.
type Event uint32

// The events of BEP 15.
const (
	None Event = iota
	Completed
	Started
	Stopped
)

// An AnnounceRequest is an announce as it stands on the wire.
type AnnounceRequest struct {
	Conn                       uint64
	Transaction                uint32
	InfoHash, PeerID           [20]byte
	Downloaded, Left, Uploaded uint64 // bytes
	Event                      Event
	IP                         uint32 // 0: the packet's own source address
	Key                        uint32
	NumWant                    int32 // -1: as the tracker likes
	Port                       uint16
}

// AppendAnnounce appends an announce request, followed by urlData, the path and
// query of the tracker's URL (BEP 41), unless that is empty.
func AppendAnnounce(dst []byte, r *AnnounceRequest, urlData string) []byte {
	dst = AppendRequest(dst, Request{r.Conn, Announce, r.Transaction})
	dst = append(dst, r.InfoHash[:]...)
	dst = append(dst, r.PeerID[:]...)
	dst = binary.BigEndian.AppendUint64(dst, r.Downloaded)
	dst = binary.BigEndian.AppendUint64(dst, r.Left)
	dst = binary.BigEndian.AppendUint64(dst, r.Uploaded)
	dst = binary.BigEndian.AppendUint32(dst, uint32(r.Event))
	dst = binary.BigEndian.AppendUint32(dst, r.IP)
	dst = binary.BigEndian.AppendUint32(dst, r.Key)
	dst = binary.BigEndian.AppendUint32(dst, uint32(r.NumWant))
	dst = binary.BigEndian.AppendUint16(dst, r.Port)
	return appendURLData(dst, urlData)
}

// ParseAnnounce reads an announce request; options behind it (BEP 41) are passed over.
func ParseAnnounce(p []byte) (AnnounceRequest, error) {
	if len(p) < AnnounceRequestLen {
		return AnnounceRequest{}, ErrShort
	}
	be := binary.BigEndian
	return AnnounceRequest{
		Conn:        be.Uint64(p),
		Transaction: be.Uint32(p[12:]),
		InfoHash:    [20]byte(p[16:]),
		PeerID:      [20]byte(p[36:]),
		Downloaded:  be.Uint64(p[56:]),
		Left:        be.Uint64(p[64:]),
		Uploaded:    be.Uint64(p[72:]),
		Event:       Event(be.Uint32(p[80:])),
		IP:          be.Uint32(p[84:]),
		Key:         be.Uint32(p[88:]),
		NumWant:     int32(be.Uint32(p[92:])),
		Port:        be.Uint16(p[96:]),
	}, nil
}

// optionURLData is the path and query of a tracker's URL (BEP 41).
const optionURLData = 2

func appendURLData(dst []byte, s string) []byte {
	for len(s) > 0 {
		n := min(len(s), 255)
		dst = append(dst, optionURLData, byte(n))
		dst = append(dst, s[:n]...)
		s = s[n:]
	}
	return dst
}

// An AnnounceReply is an announce reply as it stands on the wire.
type AnnounceReply struct {
	Transaction       uint32
	Interval          int32 // seconds
	Leechers, Seeders int32
	Compact           []byte // peers of 6 or 18 bytes, aliasing the packet
}

// AppendAnnounceReply appends an announce reply with the peers of r.Compact.
// More may be added behind it.
func AppendAnnounceReply(dst []byte, r AnnounceReply) []byte {
	dst = AppendReply(dst, Reply{Announce, r.Transaction})
	dst = binary.BigEndian.AppendUint32(dst, uint32(r.Interval))
	dst = binary.BigEndian.AppendUint32(dst, uint32(r.Leechers))
	dst = binary.BigEndian.AppendUint32(dst, uint32(r.Seeders))
	return append(dst, r.Compact...)
}

// PeerLen returns how many bytes a peer takes in answers over IPv4 or IPv6.
func PeerLen(v6 bool) int {
	if v6 {
		return 18
	}
	return 6
}

// ParseAnnounceReply reads an announce reply that came over IPv4 or IPv6. A bare
// head is ErrNotServed: that is what opentracker answers for an infohash that it
// does not serve.
func ParseAnnounceReply(p []byte, v6 bool) (AnnounceReply, error) {
	if len(p) == ReplyLen {
		return AnnounceReply{}, ErrNotServed
	}
	if len(p) < AnnounceReplyLen {
		return AnnounceReply{}, ErrShort
	}
	r := AnnounceReply{
		Transaction: binary.BigEndian.Uint32(p[4:]),
		Interval:    int32(binary.BigEndian.Uint32(p[8:])),
		Leechers:    int32(binary.BigEndian.Uint32(p[12:])),
		Seeders:     int32(binary.BigEndian.Uint32(p[16:])),
		Compact:     p[AnnounceReplyLen:],
	}
	if len(r.Compact)%PeerLen(v6) != 0 {
		return AnnounceReply{}, ErrOddList
	}
	return r, nil
}

// Peers yields the peers of a compact list, as they stand there. What is less
// than a whole entry at its end is left out.
func Peers(compact []byte, v6 bool) iter.Seq[netip.AddrPort] {
	n := PeerLen(v6)
	return func(yield func(netip.AddrPort) bool) {
		for ; len(compact) >= n; compact = compact[n:] {
			addr, _ := netip.AddrFromSlice(compact[:n-2])
			if !yield(netip.AddrPortFrom(addr, binary.BigEndian.Uint16(compact[n-2:]))) {
				return
			}
		}
	}
}
