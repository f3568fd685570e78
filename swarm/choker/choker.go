// Package choker decides whom to unchoke.
//
// It is the choking algorithm of BEP 3 (and of Cohen's paper of 2003), with
// a slot count that adapts: while we download, the slots go to the peers that
// send us most, and some of them, drawn anew every 30 s, to others; while we
// only seed they go round, so that everybody who is interested has his turn.
// What BEP 3 leaves open is taken thus:
//
//   - A turn ends when the peer has had its quota, or sat on the slot for two
//     minutes, or took nothing for two rounds. It matters only to peers that
//     somebody waits behind, so nobody loses a slot to no one's good.
//   - Snubbed peers (unchoked us, but sent nothing for 60 s) get slots that
//     nobody else wants, and their share of the optimistic unchokes.
//   - An interested peer is unchoked at once while a slot is free: Fill.
//   - Exempt peers are unchoked whenever they are interested, beside the slots.
//
// A Choker is a plain struct: no goroutine, no lock, no clock (now is a
// parameter and must not go back), and its chance comes from a *rand.Rand
// that is given. It is not safe for concurrent use. Peers are small integers
// to it; between calls it keeps the optimistic ones and the slot count, all
// else is told anew in each call.
package choker

import (
	"math/rand"
	"time"
)

// Times of BEP 3, and ours.
const (
	// Interval is how often Round is to be called.
	Interval = 10 * time.Second
	// OptimisticInterval is how long an optimistic unchoke lasts.
	OptimisticInterval = 30 * time.Second
	// RateWindow is the time over which Peer's rates are to be averages.
	RateWindow = 20 * time.Second

	slack       = Interval / 4     // rounds come a little early or late
	newPeer     = time.Minute      // so long a connection is new: three times as likely
	newWeight   = 3                // BEP 3
	optimistics = 5                // one slot in so many is optimistic, and at least one
	minTurn     = 30 * time.Second // a turn of a quota is not shorter
	maxTurn     = 2 * time.Minute  // no turn is longer
	idleTurn    = 2 * Interval     // a turn in which nothing was asked for
)

// Config holds the settings; the zero value of a field stands for its
// default.
type Config struct {
	StartSlots int // slots at first; default 8
	MinSlots   int // never fewer; default 4
	MaxSlots   int // never more; default 64
	// Quota is how many bytes a peer gets in one turn while others wait;
	// default 8 MiB.
	Quota int64
	// MaxExempt is how many exempt peers are unchoked beside the slots;
	// further ones compete as others do. Default 32.
	MaxExempt int
}

func (cfg Config) withDefaults() Config {
	def := func(n *int, to int) {
		if *n <= 0 {
			*n = to
		}
	}
	def(&cfg.MinSlots, 4)
	def(&cfg.MaxSlots, max(64, cfg.MinSlots))
	def(&cfg.StartSlots, 8)
	def(&cfg.MaxExempt, 32)
	cfg.MinSlots = min(cfg.MinSlots, cfg.MaxSlots)
	cfg.StartSlots = min(max(cfg.StartSlots, cfg.MinSlots), cfg.MaxSlots)
	if cfg.Quota <= 0 {
		cfg.Quota = 8 << 20
	}
	return cfg
}

// Peer is what is to be known of one connected peer.
type Peer struct {
	ID         int  // distinct among the peers of one call
	Interested bool // the peer wants something of ours
	Choked     bool // we are choking it
	Snubbed    bool // it unchoked us and sent no block for 60 s
	UploadOnly bool // it told that it wants nothing (BEP 21)
	// Exempt peers are never choked: members of our drive, and peers that
	// ask for so little that a wait would cost more than the data.
	Exempt bool

	Down, Up float64 // bytes/s from the peer and to it, over RateWindow

	ConnectedAt      time.Time
	UnchokedAt       time.Time // of the last unchoke; zero: never
	SentSinceUnchoke int64     // bytes of blocks
}

// wants reports whether unchoking p can be of use to it now.
func (p *Peer) wants() bool { return p.Interested && !p.UploadOnly }

// served returns when p last had a slot. A peer that never had one counts
// from its connection, so that to come anew is no way past those who wait.
func (p *Peer) served() time.Time {
	if p.UnchokedAt.After(p.ConnectedAt) {
		return p.UnchokedAt
	}
	return p.ConnectedAt
}

// Choker holds what outlives a round.
type Choker struct {
	cfg  Config
	rand *rand.Rand

	optimistic map[int]time.Time // by peer: since when
	slots      slots
}

// New returns a Choker. rng must not be in use elsewhere at the same time.
func New(cfg Config, rng *rand.Rand) *Choker {
	cfg = cfg.withDefaults()
	return &Choker{
		cfg:        cfg,
		rand:       rng,
		optimistic: make(map[int]time.Time),
		slots:      slots{min: cfg.MinSlots, max: cfg.MaxSlots, now: cfg.StartSlots},
	}
}
