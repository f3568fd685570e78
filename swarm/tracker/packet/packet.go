// Package packet turns the messages of the UDP tracker protocol into bytes and
// back: BEP 15 (connect, announce, scrape, error) with the URLData option of
// BEP 41. Client and server share it.
//
// It holds no state and starts nothing; all functions may be called from
// anywhere. Append functions add to dst and return it, as append does. Parse
// functions check lengths before they read, allocate nothing for what a length
// claims, and never keep or change the packet. Longer packets than needed are
// accepted, as BEP 15 demands.
package packet

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ProtocolID is what stands in a connect request in place of a connection id.
const ProtocolID = 0x41727101980

// An Action says what a packet is.
type Action uint32

// The actions of BEP 15.
const (
	Connect Action = iota
	Announce
	Scrape
	Error
)

// String names the action for logs.
func (a Action) String() string {
	switch a {
	case Connect:
		return "connect"
	case Announce:
		return "announce"
	case Scrape:
		return "scrape"
	case Error:
		return "error"
	}
	return fmt.Sprintf("action %d", uint32(a))
}

// The least lengths of packets in bytes.
const (
	RequestLen         = 16 // head of every request, and a whole connect request
	AnnounceRequestLen = 98
	ReplyLen           = 8 // head of every reply
	ConnectReplyLen    = 16
	AnnounceReplyLen   = 20 // without peers
	ScrapedLen         = 12 // per infohash
)

// MaxScrape is how many infohashes fit into one scrape request (BEP 15).
const MaxScrape = 74

// Errors of the Parse functions.
var (
	ErrShort     = errors.New("packet too short")
	ErrProtocol  = errors.New("not the UDP tracker protocol")
	ErrOddList   = errors.New("list is not a whole number of entries")
	ErrNotServed = errors.New("tracker does not serve this torrent")
)

// A Request is the head of every request.
type Request struct {
	Conn        uint64 // ProtocolID in a connect request
	Action      Action
	Transaction uint32
}

// ParseRequest reads the head of a request. A connect request that does not
// carry the protocol id is ErrProtocol.
func ParseRequest(p []byte) (Request, error) {
	if len(p) < RequestLen {
		return Request{}, ErrShort
	}
	r := Request{
		Conn:        binary.BigEndian.Uint64(p),
		Action:      Action(binary.BigEndian.Uint32(p[8:])),
		Transaction: binary.BigEndian.Uint32(p[12:]),
	}
	if r.Action == Connect && r.Conn != ProtocolID {
		return r, ErrProtocol
	}
	return r, nil
}

// AppendRequest appends the head of a request.
func AppendRequest(dst []byte, r Request) []byte {
	dst = binary.BigEndian.AppendUint64(dst, r.Conn)
	dst = binary.BigEndian.AppendUint32(dst, uint32(r.Action))
	return binary.BigEndian.AppendUint32(dst, r.Transaction)
}

// AppendConnect appends a connect request.
func AppendConnect(dst []byte, transaction uint32) []byte {
	return AppendRequest(dst, Request{ProtocolID, Connect, transaction})
}

// A Reply is the head of every reply.
type Reply struct {
	Action      Action
	Transaction uint32
}

// ParseReply reads the head of a reply.
func ParseReply(p []byte) (Reply, error) {
	if len(p) < ReplyLen {
		return Reply{}, ErrShort
	}
	return Reply{Action(binary.BigEndian.Uint32(p)), binary.BigEndian.Uint32(p[4:])}, nil
}

// AppendReply appends the head of a reply.
func AppendReply(dst []byte, r Reply) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(r.Action))
	return binary.BigEndian.AppendUint32(dst, r.Transaction)
}

// AppendConnectReply appends a whole connect reply.
func AppendConnectReply(dst []byte, transaction uint32, conn uint64) []byte {
	dst = AppendReply(dst, Reply{Connect, transaction})
	return binary.BigEndian.AppendUint64(dst, conn)
}

// ParseConnectReply returns the connection id of a connect reply.
func ParseConnectReply(p []byte) (uint64, error) {
	if len(p) < ConnectReplyLen {
		return 0, ErrShort
	}
	return binary.BigEndian.Uint64(p[8:]), nil
}

// AppendError appends a whole error reply.
func AppendError(dst []byte, transaction uint32, message string) []byte {
	return append(AppendReply(dst, Reply{Error, transaction}), message...)
}
