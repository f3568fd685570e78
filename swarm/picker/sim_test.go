package picker_test

import (
	"math/rand"
	"slices"
	"time"
)

// The simulation plays a swarm of up to some thousand peers in simulated time,
// with the real picker and the real choker, to see how near they come to what
// the links allow.
//
// It is a discrete event simulation: blocks, requests, have, choke and
// interest travel with a delay of half a round trip; a peer sends one block at
// a time at the rate of its uplink, in turns to those it owes one, and
// receives them through its downlink. Nothing is lost and nothing is hashed.
// The same Config gives the same Result. A run is one goroutine's.

// Config describes a swarm. Rates are bytes per second.
type Config struct {
	Seed           int64 // of everything that is drawn
	Leechers       int
	Seeds          int
	Pieces, Blocks int // of the torrent, and in each piece

	SeedUp   float64   // of each seed
	Up, Down []float64 // of the leechers, in turns
	RTT      time.Duration

	// Every FreeRiders-th leecher sends nothing; 0: none.
	FreeRiders int
	// Arrive is when a leecher comes; nil: all at once.
	Arrive func(i int, rng *rand.Rand) time.Duration
	// Leave makes leechers go once they have all, SeedsLeave the seeds once
	// they have sent that many copies; 0: they stay.
	Leave      bool
	SeedsLeave float64
	// Neighbours is how many others a leecher connects to; 0 means 40.
	Neighbours int
	// NoLimits leaves the peers without knowledge of their uplinks: blocks go
	// out in turns, not pieces.
	NoLimits bool
	// NoSuggest has seeds suggest nothing (BEP 6).
	NoSuggest bool
	// Limit ends the run; 0 means an hour.
	Limit time.Duration
}

// Result is what came out.
type Result struct {
	// Done is how long each that finished took from its arrival, the
	// quickest first.
	Done []time.Duration
	Last time.Duration // when the last finished, from the start
	// Fluid is the least time in which anybody could have served all.
	Fluid    time.Duration
	SeedSent float64 // copies of the torrent that the seeds sent
	Twice    float64 // blocks received in vain, of those received
	Left     int     // leechers that did not finish within the limit
}

// At returns the completion time of which a share p of the leechers stayed
// below.
func (r Result) At(p float64) time.Duration {
	if len(r.Done) == 0 {
		return 0
	}
	return r.Done[min(len(r.Done)-1, int(p*float64(len(r.Done))))]
}

// Factor is how many times the fluid limit the last leecher took.
func (r Result) Factor() float64 { return r.Last.Seconds() / r.Fluid.Seconds() }

// world is a run.
type world struct {
	Config
	rng    *rand.Rand
	now    time.Duration
	events queue
	seq    int
	nodes  []*node // those that are there
	lastID int
	open   int // leechers that have not finished
	result Result
	blocks int // received
	vain   int
}

// epoch is time 0 for picker and choker.
var epoch = time.Unix(1_000_000, 0)

func (w *world) clock() time.Time { return epoch.Add(w.now) }

// after has f called in d.
func (w *world) after(d time.Duration, f func()) {
	w.seq++
	w.events.push(event{at: w.now + d, seq: w.seq, f: f})
}

// Run plays a swarm until every leecher has finished.
func Run(cfg Config) Result {
	if cfg.Neighbours <= 0 {
		cfg.Neighbours = 40
	}
	if cfg.Limit <= 0 {
		cfg.Limit = time.Hour
	}
	w := &world{Config: cfg, rng: rand.New(rand.NewSource(cfg.Seed)), open: cfg.Leechers}
	for range cfg.Seeds {
		w.arrive(w.newNode(cfg.SeedUp, 0))
	}
	fluid := newFluid(cfg)
	for i := range cfg.Leechers {
		up := cfg.Up[i%len(cfg.Up)]
		if cfg.FreeRiders > 0 && i%cfg.FreeRiders == cfg.FreeRiders-1 {
			up = 0
		}
		n := w.newNode(up, cfg.Down[i%len(cfg.Down)])
		if cfg.Arrive != nil {
			n.came = cfg.Arrive(i, w.rng)
		}
		fluid.add(n)
		w.after(n.came, func() { w.arrive(n) })
	}
	for w.open > 0 && w.events.len() > 0 {
		e := w.events.pop()
		if w.now = e.at; w.now > cfg.Limit {
			break
		}
		e.f()
	}
	return w.finish(fluid)
}

func (w *world) size() float64 { return float64(w.Pieces*w.Blocks) * blockSize }

func (w *world) finish(f *fluid) Result {
	r := w.result
	slices.Sort(r.Done)
	r.Fluid, r.Left = f.limit(), w.open
	r.SeedSent /= w.size()
	if w.blocks > 0 {
		r.Twice = float64(w.vain) / float64(w.blocks)
	}
	return r
}

// fluid adds up the known lower bound: nobody has all before the seeds have
// sent everything once, before his own downlink has carried it, or before all
// uplinks together have carried it to everybody.
type fluid struct {
	size, seeds, up float64
	leechers        float64
	own             time.Duration // the latest of arrival and own downlink
}

func newFluid(cfg Config) *fluid {
	seeds := float64(cfg.Seeds) * cfg.SeedUp
	return &fluid{size: float64(cfg.Pieces*cfg.Blocks) * blockSize, seeds: seeds, up: seeds}
}

func (f *fluid) add(n *node) {
	f.up += n.up
	f.leechers++
	f.own = max(f.own, n.came+seconds(f.size/n.down))
}

func (f *fluid) limit() time.Duration {
	return max(f.own, seconds(f.size/f.seeds), seconds(f.size*f.leechers/f.up))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
