package swarm

import (
	"context"
	"errors"
	"log/slog"
	"math/rand"
	"time"

	"p2pfs/swarm/assembly"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/haves"
	"p2pfs/swarm/metadata"
	"p2pfs/swarm/peer"
	"p2pfs/swarm/picker"
	"p2pfs/swarm/reads"
	"p2pfs/swarm/upload"
)

const (
	// tickEvery is how often a torrent that is awake looks at its clocks,
	tickEvery = 100 * time.Millisecond
	// restEvery one that nobody reads or asks for.
	restEvery = 5 * time.Second
)

// event is something that happened to a torrent.
type event interface{ apply(*loop) }

// loop owns everything of a torrent that changes. Its methods run on its
// goroutine only, and it waits for nobody: what blocks runs elsewhere and
// comes back as an event.
type loop struct {
	t   *Torrent
	log *slog.Logger
	ctx context.Context
	now time.Time // when the current event was taken

	*content // nil until there is metadata and storage
	hash     hashParts
	picker   *picker.Picker
	reads    reads.Reads
	meta     learning
	haves    haves.Haves
	find     finder
	fetch    fetching
	verify   verifying
	serve    serving
	crowd    crowd
	reasons  reasons

	counts counts
	awake  time.Time // when somebody last read
	ended  error
}

// run is the body of the torrent's goroutine.
func (l *loop) run() {
	every := tickEvery
	tick := time.NewTicker(every)
	defer tick.Stop()
	l.awake = time.Now()
	if m := l.t.spec.MetaInfo; m != nil {
		l.meta.open(m, false)
	}
	l.find.tell(l.need())
	l.find.dial(l.need())
	for l.ended == nil {
		select {
		case e := <-l.t.events:
			l.now = time.Now()
			e.apply(l)
			if every > tickEvery && l.fetch.pace() < every { // woken
				every = tickEvery
				tick.Reset(every)
			}
		case l.now = <-tick.C:
			l.tick()
			if p := l.fetch.pace(); p != every {
				every = p
				tick.Reset(every)
			}
		case <-l.ctx.Done():
			l.end(context.Cause(l.ctx))
		}
	}
}

// end closes everything; the goroutine leaves run after it.
func (l *loop) end(why error) {
	if l.ended != nil {
		return
	}
	if why == nil || errors.Is(why, context.Canceled) {
		why = ErrClosed
	}
	l.ended = why
	l.find.local.end()
	for _, w := range l.reads.Wants.TakeAll() {
		answer(w, outcome{err: why})
	}
	for _, r := range l.crowd.of {
		r.conn.Close(peer.ErrClosed)
		l.t.client.bandwidth.asked.Add(-int64(r.down.Len()) * hashing.BlockSize)
	}
	l.verify.unhashed.drop()
	l.verify.assembly.Clear()
	l.t.hot.expire(time.Time{})
	l.find.announce.end()
	if !errors.Is(why, ErrClosed) {
		l.log.Error("torrent stopped", "err", why)
	}
}

// tick does what time alone brings about.
func (l *loop) tick() {
	for _, r := range l.crowd.of {
		l.tickRemote(r)
	}
	l.crowd.tell(l.now)
	l.expireReads()
	l.t.hot.expire(l.now)
	l.meta.ask(l.now)
	if l.content != nil {
		l.tickHashes()
	}
	l.fetch.all(l.now)
	l.find.tick(l.need())
	l.serve.say(l.serve.uploads.Tick(l.moment()))
	l.publishStats()
	if idle := l.t.spec.Idle; idle > 0 && !l.find.announce.kept && len(l.crowd.of) == 0 && !l.reads.Active() &&
		l.now.Sub(l.awake) > idle && l.now.Sub(l.crowd.awake) > idle {
		l.end(ErrClosed)
	}
}

// opened takes in the metadata and the storage: from now on there are pieces.
func (l *loop) opened(c *content) {
	l.content, l.serve.content = c, c
	info := c.info()
	l.picker = picker.New(info.Pieces.Count(), info.Pieces.Blocks, newRand())
	l.picker.Key = shareKey(l.t.client.peerID)
	l.haves.Open(l.picker)
	l.serve.uploads.Open(l.picker, info.PieceLength)
	l.hash.open(l)
	l.fetch.picker, l.fetch.info, l.fetch.leaves = l.picker, info, l.hash.leaves
	l.verify.content, l.verify.picker, l.verify.hash = c, l.picker, l.hash
	if l.t.spec.Everything {
		l.hash.layers.WantAll()
	}
	for i := range info.Pieces.Count() {
		if c.storage.Has(i) {
			l.picker.Pieces.SetHave(i, true)
		}
	}
	l.t.spec.each(info, func(piece int) { l.picker.Pieces.Select(piece, true) })
	l.t.content.Store(c)
	l.t.naming.info.Store(info)
	close(l.t.ready)
	if l.t.naming.private() {
		l.crowd.withdraw()
		l.find.announce.keep(l.t.spec.ownTiers())
	}
	l.checkWhole()
	for _, r := range l.crowd.of {
		if l.t.naming.foundV2() && r.listen.IsValid() {
			r.again = true
			r.conn.Close(errOffer)
			continue
		}
		if r.hs.Extended() { // the length of the metadata is news
			l.fetch.greet(r)
		}
		l.introduce(r)
	}
	l.refocus()
	l.fetch.all(l.now)
	l.find.dial(l.need())
	l.publishStats()
}

// checkWhole tells those who wait for every piece that is to be fetched.
func (l *loop) checkWhole() {
	if l.picker.Pieces.Missing() > 0 || !l.t.spec.Everything && l.picker.Pieces.Held() < l.picker.Pieces.Count() {
		return
	}
	select {
	case <-l.t.whole:
	default:
		close(l.t.whole)
		l.find.announce.whole = true
		l.find.tell(l.need()) // it tells `completed`
		l.log.Info("torrent complete", "infohash", l.t.naming.hashes[0])
	}
}

// need is what who finds peers is told of the torrent.
func (l *loop) need() need {
	return need{
		now: l.now, ended: l.ended != nil, opened: l.content != nil,
		whole:  l.content != nil && l.picker.Pieces.Held() == l.picker.Pieces.Count(),
		hungry: l.fetch.hungry(), reads: l.reads.Wants.Count(), oldest: l.reads.Wants.Oldest(l.now), peers: len(l.crowd.of),
	}
}

// moment is what the uploads are told of the torrent.
func (l *loop) moment() upload.Moment {
	return upload.Moment{Time: l.now, Seeding: l.content != nil && !l.fetch.hungry()}
}

// newLoop makes the state of a torrent before its metadata is known.
func newLoop(ctx context.Context, t *Torrent) *loop {
	l := &loop{
		t: t, log: t.log, ctx: ctx, now: time.Now(),
	}
	l.meta = learning{exchange: metadata.New(t.naming.isInfo), crowd: &l.crowd, t: t}
	l.reads = reads.New()
	l.find = newFinder(ctx, t)
	l.find.announce.publish = l.publishStats
	l.crowd = crowd{
		of: map[int]*remote{}, log: t.log, naming: &t.naming, book: l.find.book, causes: &l.reasons.causes,
		ours: t.client.Addr(), peerID: t.client.peerID, noPEX: t.client.cfg.NoPEX,
	}
	l.hash = hashParts{t: t, crowd: &l.crowd}
	l.fetch = fetching{t: t, crowd: &l.crowd, reads: &l.reads, do: l.do}
	l.verify = verifying{
		assembly: assembly.New(), t: t, crowd: &l.crowd, reads: &l.reads, fetch: &l.fetch, do: l.do, refocus: l.refocus,
	}
	l.reasons.crowd, l.reasons.find, l.reasons.assembly = &l.crowd, &l.find, l.verify.assembly
	l.serve = serving{uploads: upload.New(t.client.cfg.UploadLimit, newRand()), t: t, crowd: &l.crowd}
	return l
}

// newRand returns a source of chance that is not shared.
func newRand() *rand.Rand { return rand.New(rand.NewSource(rand.Int63())) }
