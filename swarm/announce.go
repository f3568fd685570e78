package swarm

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"p2pfs/swarm/announce"
	"p2pfs/swarm/book"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/tracker"
)

const (
	// numWant is how many peers a tracker is asked for.
	numWant = 100
	// needAfter is how long a read waits before a torrent that is announced
	// on need is announced though peers of it are known, and how long a download stays without a peer
	// before all trackers are asked instead of one of each tier.
	needAfter = 2 * time.Second
	// hungryEvery is how long somebody waits, though peers are connected, before
	// more are looked for.
	hungryEvery = 15 * time.Second
	// stopWithin bounds the wait for trackers at the end.
	stopWithin = 2 * time.Second
)

// announcing is what the loop knows of the trackers.
type announcing struct {
	on      bool
	kept    bool                  // by Torrent.Announce: stays although idle
	since   time.Time             // on
	hurried time.Time             // when announces under way were last hurried
	of      []*announce.Announcer // one for each infohash
	whole   bool                  // every piece is held

	t       *Torrent
	ctx     context.Context
	publish func() // brings the torrent's Stats up to date
}

func newAnnouncing(ctx context.Context, t *Torrent) announcing {
	an := announcing{t: t, ctx: ctx}
	for range t.naming.hashes {
		an.of = append(an.of, announce.New(t.spec.tiers(), announce.Torrent(), newRand()))
	}
	return an
}

// start begins to announce.
func (an *announcing) start(n need) {
	if !an.on && !n.ended {
		an.on, an.since = true, n.now
	}
}

// tick starts announcing when the Spec's mode asks for it, and sends what is
// due, each announce from a goroutine of its own.
func (an *announcing) tick(n need, alone bool) {
	if mode := an.t.spec.Announce; mode == Always || mode == OnNeed && (n.oldest > needAfter || alone) {
		an.start(n)
	}
	if !an.on || n.ended || !n.opened && an.t.spec.MetaInfo != nil {
		return // in the last case we do not know yet what we have
	}
	urgent := an.urgent(n)
	if urgent && n.now.Sub(an.hurried) > time.Second {
		an.hurried = n.now
		for _, h := range an.t.naming.hashes {
			an.t.client.trackers.Hurry(h)
		}
	}
	for i, h := range an.t.naming.hashes {
		asks := an.of[i].Due(n.now, urgent, an.whole)
		if len(asks) > 0 {
			an.publish() // what is announced is taken from there
		}
		for _, a := range asks {
			an.t.spawn(func() { an.announce(h, a, urgent) })
		}
	}
}

// urgent reports whether somebody waits for peers that only trackers can tell
// of.
func (an *announcing) urgent(n need) bool {
	if n.peers > 0 {
		return n.oldest > hungryEvery
	}
	return n.reads > 0 || n.hungry && n.now.Sub(an.since) > needAfter
}

// end tells the trackers that list us that we stop.
func (an *announcing) end() {
	for i, h := range an.t.naming.hashes {
		an.stopped(h, an.of[i].Farewells(an.whole))
	}
}

// keep stops announcing to all but these trackers, unless there are none.
func (an *announcing) keep(groups [][]string) {
	if len(groups) == 0 {
		return
	}
	for i, h := range an.t.naming.hashes {
		an.stopped(h, an.of[i].Keep(groups, an.whole))
	}
}

// stopped sends trackers what they are to hear at the end.
func (an *announcing) stopped(h metainfo.Hash, farewells [][]announce.Ask) {
	for _, asks := range farewells {
		an.t.spawn(func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(an.ctx), stopWithin)
			defer cancel()
			for _, a := range asks {
				an.t.client.trackers.Announce(ctx, a.URL, an.request(h, a.Event))
			}
		})
	}
}

// announce tells one tracker about us and posts the outcome, unless the torrent ends.
// It runs off the loop, as request does.
func (an *announcing) announce(h metainfo.Hash, a announce.Ask, urgent bool) {
	req := an.request(h, a.Event)
	req.Urgent = urgent
	req.Unanswered = func(tries int) { an.t.offer(unansweredEvent{h, a.URL, tries}) }
	res, err := an.t.client.trackers.Announce(an.ctx, a.URL, req)
	if an.ctx.Err() == nil {
		an.t.post(trackedEvent{h, a.URL, res, err})
	}
}

// request is an announce with what is true now.
func (an *announcing) request(h metainfo.Hash, e tracker.Event) tracker.Request {
	s, c := an.t.Stats(), an.t.client
	left := s.Left
	if s.Pieces == 0 {
		left = hashing.BlockSize // not known before the metadata, but not nothing
	}
	return tracker.Request{
		InfoHash: h, PeerID: c.peerID, Downloaded: s.Received, Uploaded: s.Sent, Left: left,
		Event: e, Port: c.Addr().Port(), NumWant: numWant, Key: c.key,
	}
}

// announceEvent begins to announce.
type announceEvent struct{}

func (announceEvent) apply(l *loop) {
	l.find.announce.kept = true
	l.find.announce.start(l.need())
	l.find.tell(l.need())
}

// trackedEvent is a tracker's answer, or what kept it from answering.
type trackedEvent struct {
	hash metainfo.Hash
	url  string
	res  tracker.Response
	err  error
}

func (e trackedEvent) apply(l *loop) {
	a := l.find.announce.of[slices.Index(l.t.naming.hashes, e.hash)]
	if e.err != nil {
		l.log.Debug("announce failed", "infohash", e.hash, "tracker", e.url, "err", e.err)
		a.Failed(e.url, e.err, l.now)
		l.find.tell(l.need()) // it may be another's turn
		return
	}
	l.log.Debug("announced", "infohash", e.hash, "tracker", e.url, "peers", len(e.res.Peers))
	if !a.Answered(e.url, e.res, l.now) { // it was asked before we knew that it may not be
		l.find.announce.stopped(e.hash, [][]announce.Ask{{{URL: e.url, Event: tracker.Stopped}}})
		return
	}
	if e.res.Warning != "" {
		l.log.Info("tracker warns", "infohash", e.hash, "tracker", e.url, "warning", e.res.Warning)
	}
	if l.find.book.Add(e.res.Peers, book.Tracker) > 0 {
		l.find.dial(l.need())
	}
}

// unansweredEvent is a try without an answer, of an announce that goes on.
type unansweredEvent struct {
	hash  metainfo.Hash
	url   string
	tries int
}

func (e unansweredEvent) apply(l *loop) {
	l.find.announce.of[slices.Index(l.t.naming.hashes, e.hash)].Unanswered(e.url, e.tries)
}

// trouble says what a tracker that does not answer says, for a reader that
// waits.
func (an *announcing) trouble() string {
	if len(an.of) == 0 {
		return ""
	}
	return an.of[0].Trouble()
}

// discovery is what of a torrent is announced on the local network.
type discovery struct {
	leave   map[metainfo.Hash]func()
	hurried time.Time
	t       *Torrent
}

// tick announces a torrent that trackers are told of too, unless it is
// private, and hurries while somebody waits for a peer.
func (d *discovery) tick(n need, an *announcing) {
	local := d.t.client.lsd
	if local == nil || !an.on {
		return
	}
	if d.t.naming.private() {
		d.end()
		return
	}
	hurry := n.now.Sub(d.hurried) > hungryEvery && an.urgent(n)
	if hurry {
		d.hurried = n.now
	}
	for _, h := range d.t.naming.all() {
		if d.leave[h] == nil {
			if d.leave == nil {
				d.leave = map[metainfo.Hash]func(){}
			}
			d.leave[h] = local.Join(h, func(a netip.AddrPort) { d.t.offer(foundEvent{a}) })
		} else if hurry {
			local.Hurry(h)
		}
	}
}

// end announces nothing any more.
func (d *discovery) end() {
	for _, leave := range d.leave {
		leave()
	}
	d.leave = nil
}

// foundEvent is a peer that announced the torrent on the local network.
type foundEvent struct{ addr netip.AddrPort }

func (e foundEvent) apply(l *loop) {
	if l.t.naming.private() {
		return
	}
	if l.find.book.Hear(e.addr.Addr(), []netip.AddrPort{e.addr}, book.LSD) > 0 { // it tells of itself
		l.log.Debug("found on the local network", "infohash", l.t.naming.hashes[0], "peer", e.addr)
		l.find.dial(l.need())
	}
}
