package upload

import (
	"math"
	"net/netip"
	"slices"
	"time"

	"p2pfs/swarm/choker"
	"p2pfs/swarm/picker"
	"p2pfs/swarm/wire"
)

// Queue is where the blocks for a peer go: a connection, or a channel of one. Its
// methods do not block.
type Queue interface {
	// Upload queues a block; false: too many wait.
	Upload(b wire.Block) bool
	// Uploading is the number of blocks that wait.
	Uploading() int
	// CancelUpload takes a block back and reports whether it still waited.
	CancelUpload(b wire.Block) bool
	// DropUploads takes back all blocks but those to keep.
	DropUploads(keep func(wire.Block) bool) (dropped []wire.Block)
}

// Peer is the sending side of one connection. Of its exported fields the caller
// sets those of the first part before Join and those of the second whenever they
// change; the others are kept here.
type Peer struct {
	ID     int
	Owner  int        // who is choked, and has turns: several peers may be of one
	Addr   netip.Addr // of the connection
	Fast   bool       // BEP 6 was agreed
	Heeds  bool       // is told what to ask for next, and will ask for it
	Since  time.Time  // connected
	Queue  Queue
	Pieces *picker.Peer // what it has

	UploadOnly bool    // it told that it wants nothing (BEP 21)
	Snubbed    bool    // it owes us blocks and sends none
	Down       float64 // bytes per second that it sends us

	Interested    bool // wants something of ours
	WasInterested bool // ever
	LastRequest   time.Time

	owner     *owner
	meter     meter
	fast      allowance
	suggested []int        // pieces suggested and not yet asked for
	piece     int          // last asked for
	refused   map[int]bool // pieces that it was told, once, to get elsewhere
}

// Rate is how many bytes per second the peer is sent, averaged over some 20 s.
func (p *Peer) Rate() float64 { return p.meter.rate }

// Choking reports whether we choke the peer.
func (p *Peer) Choking() bool { return p.owner.choking }

// Measure tells how many bytes of blocks the peer has been sent so far.
func (p *Peer) Measure(sent int64, now time.Time) { p.meter.measure(sent, now) }

// allowance is what a peer may have while it is choked (BEP 6).
type allowance struct {
	pieces map[int]bool
	bytes  int // of blocks that it was promised
}

// meter measures what is sent.
type meter struct {
	sent int64
	at   time.Time
	rate float64
}

// leastTick is the least time over which a rate is measured.
const leastTick = 50 * time.Millisecond

func (m *meter) measure(sent int64, now time.Time) {
	dt := now.Sub(m.at)
	if m.at.IsZero() || dt < leastTick {
		m.at = now
		return
	}
	inst := float64(sent-m.sent) / dt.Seconds()
	m.sent, m.at = sent, now
	m.rate += (inst - m.rate) * math.Min(1, dt.Seconds()/choker.RateWindow.Seconds()*4)
}

// owner is who is choked: whoever is behind one connection, or several.
type owner struct {
	id       int
	choking  bool
	unchoked time.Time
	before   int64 // bytes sent when it was unchoked
	peers    []*Peer
}

// remove reports whether none is left.
func (o *owner) remove(p *Peer) bool {
	o.before -= p.meter.sent
	o.peers = slices.DeleteFunc(o.peers, func(q *Peer) bool { return q == p })
	return len(o.peers) == 0
}

func (o *owner) sent() (n int64) {
	for _, p := range o.peers {
		n += p.meter.sent
	}
	return n
}

// contender is the owner as the choker sees it.
func (o *owner) contender() choker.Peer {
	c := choker.Peer{
		ID: o.id, Choked: o.choking, Snubbed: true, UploadOnly: true,
		ConnectedAt: o.peers[0].Since, UnchokedAt: o.unchoked, SentSinceUnchoke: o.sent() - o.before,
	}
	for _, p := range o.peers {
		c.Interested = c.Interested || p.Interested && !p.UploadOnly
		c.UploadOnly = c.UploadOnly && p.UploadOnly
		c.Snubbed = c.Snubbed && p.Snubbed
		c.Down += p.Down
		c.Up += p.meter.rate
	}
	return c
}
