// Package tracker is the client side of BitTorrent trackers: announce and scrape
// over UDP (BEP 15), with the URL's path sent along (BEP 41), and over HTTP and
// HTTPS (BEP 3, 23 and 48), in both address families (BEP 7).
//
// One Client serves all torrents of a process. All its methods may be called
// from anywhere at once. An Announce or Scrape blocks its caller, over UDP through
// the retries of BEP 15, until an answer has come, the tracker has refused, or its
// context ends; the callers' goroutines do the work, so there is no loop that
// could own the state. What they share (connection ids and transactions under way,
// announce times, addresses, ids of HTTP trackers) stands in a part each, behind
// a mutex of its own; none is held across I/O, nor two at once.
//
// What comes back is not trusted: over UDP an answer counts only if it comes from
// the address that was asked and bears the random transaction id of the question,
// and once; over HTTP it is cut off where it grows too long or takes too long.
// Lengths are checked, intervals clamped, unusable peers dropped. Nor are URLs,
// which come with torrents: see ParseURL, and redirect for those of trackers.
package tracker

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"p2pfs/swarm/tracker/packet"
)

// An Event says why a torrent is announced.
type Event int

// The events of BEP 15. None is the regular announce after the interval.
const (
	None      = Event(packet.None)
	Completed = Event(packet.Completed)
	Started   = Event(packet.Started)
	Stopped   = Event(packet.Stopped)
)

// A Request is what is announced.
type Request struct {
	InfoHash, PeerID           [20]byte
	Downloaded, Left, Uploaded int64 // bytes
	Event                      Event
	Port                       uint16 // TCP port that peers may dial
	// NumWant is how many peers are wanted: 0 leaves it to the tracker, a
	// negative number means none. With Stopped none are asked for.
	NumWant int
	// Key stays the same for a torrent while a session lasts, so that a tracker
	// can tell that two addresses are one peer (BEP 7). With 0 the Client makes
	// one for the torrent.
	Key uint32
	// Urgent says that somebody waits for peers: retries come every 15 seconds
	// instead of ever more rarely. Hurry does the same to announces under way.
	Urgent bool
	// Unanswered, if set, is called after each try over UDP that got no answer,
	// with how many there were: Announce goes on, but a user may want to know. It
	// must not wait, and is called from goroutines of the Client's, for each
	// address family by itself.
	Unanswered func(tries int)
}

// A Response is what the trackers of one URL answered, all address families
// taken together.
type Response struct {
	// Interval is how long to wait before the next regular announce, from
	// MinInterval to MaxInterval.
	Interval time.Duration
	// MinInterval is how long to wait before an announce out of turn, within the
	// same bounds; 0 if the tracker does not say (over UDP none can).
	MinInterval time.Duration
	// Seeders and Leechers are the tracker's own claims, never negative.
	Seeders, Leechers int
	// Peers can be dialled as far as can be told: no port under 1024, no
	// unspecified, multicast, broadcast or link-local address, none twice, and
	// those of one's own machine or network only from a tracker that is on it. At most MaxPeers of one answer. The
	// announcing peer itself may be among them.
	Peers []netip.AddrPort
	// Warning is what the tracker wants a person to read, empty mostly: foreign
	// text of at most 200 bytes, to be quoted where it is shown.
	Warning string
}

// Scraped is what a tracker says about a torrent; never negative.
type Scraped struct {
	Seeders, Completed, Leechers int
}

// Bounds on what a tracker may say.
const (
	MinInterval = 30 * time.Second
	MaxInterval = time.Hour
	MaxPeers    = 200
	maxMessage  = 200 // bytes of an error's text
)

// Errors that callers may want to tell apart.
var (
	// ErrClosed is returned by a Client that was closed.
	ErrClosed = errors.New("tracker client closed")
	// ErrNotServed says that the tracker answers but does not know the torrent
	// and does not want to: a closed tracker. Trying again soon is of no use.
	ErrNotServed = packet.ErrNotServed
	// ErrReply says that the tracker's answer was not of the protocol.
	ErrReply = errors.New("malformed reply")
	// ErrNoAddress says that the tracker has no address in a family that the
	// client announces from.
	ErrNoAddress = errors.New("no usable address")
	// ErrNoScrape says that the URL is none that a scrape URL can be made of.
	ErrNoScrape = errors.New("tracker has no scrape URL")
)

// A Refusal is an error that the tracker itself sent.
type Refusal struct {
	Message string // the tracker's words, foreign text, at most 200 bytes
}

// Error quotes the tracker's words, so that they are safe to log and print.
func (r *Refusal) Error() string { return fmt.Sprintf("tracker refused: %q", r.Message) }
