package swarm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/tracker"
)

const (
	// numWant is how many peers a tracker is asked for.
	numWant = 100
	// needAfter is how long a read waits before a torrent that is announced
	// on need is announced.
	needAfter = 2 * time.Second
	// hungryEvery is how often trackers are asked while a reader waits and
	// no peer is connected; the tracker's interval holds otherwise.
	hungryEvery = 15 * time.Second
	// retryEvery is how long after a failed announce the next one comes.
	retryEvery = time.Minute
	// notServedEvery is how often a tracker is asked that does not serve the
	// torrent.
	notServedEvery = 15 * time.Minute
	// stopWithin bounds the wait for trackers at the end.
	stopWithin = 2 * time.Second
)

// announcing is what the loop knows of the trackers.
type announcing struct {
	on      bool
	kept    bool // by Torrent.Announce: stays although idle
	kicks   []chan struct{}
	errs    map[string]string // by tracker: the last error, "" if it answers
	kicked  time.Time
	isWhole bool
}

func newAnnouncing() announcing { return announcing{errs: map[string]string{}} }

// start begins to announce to every tracker, each on a goroutine of its own,
// so that no dead one delays another.
func (an *announcing) start(l *loop) {
	if an.on || l.ended != nil {
		return
	}
	an.on, an.kicked = true, l.now
	for _, url := range l.t.trackers {
		for _, h := range l.t.hashes {
			kick := make(chan struct{}, 1)
			an.kicks = append(an.kicks, kick)
			l.t.spawn(func() { l.t.announceTo(l.ctx, url, h, kick) })
		}
	}
}

// tick starts announcing when the Spec's mode asks for it, and hurries the
// trackers when a reader waits and nobody is connected.
func (an *announcing) tick(l *loop) {
	switch {
	case !an.on && l.t.spec.Announce == Always:
		an.start(l)
	case !an.on && l.t.spec.Announce == OnNeed && l.readers.oldest(l.now) > needAfter:
		an.start(l)
	case an.on && l.hungry() && len(l.remotes) == 0 && l.now.Sub(an.kicked) > hungryEvery:
		an.kicked = l.now
		an.kick()
		an.hurry(l)
	}
}

// hurry makes announces under way try again sooner.
func (an *announcing) hurry(l *loop) {
	for _, h := range l.t.hashes {
		l.t.client.trackers.Hurry(h)
	}
}

func (an *announcing) kick() {
	for _, k := range an.kicks {
		select {
		case k <- struct{}{}:
		default:
		}
	}
}

// completed has `completed` announced, once and only if it was not whole from
// the start (BEP 3).
func (an *announcing) completed(*loop) {
	an.isWhole = true
	an.kick()
}

// announceEvent begins to announce.
type announceEvent struct{}

func (announceEvent) apply(l *loop) {
	l.announce.kept = true
	l.announce.start(l)
}

// trackedEvent is a tracker's answer.
type trackedEvent struct {
	url string
	res tracker.Response
	err error
}

func (e trackedEvent) apply(l *loop) {
	if e.err != nil {
		l.announce.errs[e.url] = e.err.Error()
		l.log.Debug("announce failed", "infohash", l.t.hashes[0], "tracker", e.url, "err", e.err)
		return
	}
	l.announce.errs[e.url] = ""
	l.log.Debug("announced", "infohash", l.t.hashes[0], "tracker", e.url, "peers", len(e.res.Peers))
	if l.book.add(e.res.Peers, fromTracker) > 0 {
		l.dial()
	}
}

// announceTo tells one tracker about us, again and again until ctx ends, and
// `stopped` then.
func (t *Torrent) announceTo(ctx context.Context, url string, h metainfo.Hash, kick <-chan struct{}) {
	event, whole := tracker.Started, t.isWhole()
	known := false
	for ctx.Err() == nil {
		req := t.request(h, event)
		req.Unanswered = func(tries int) {
			select { // it must not wait
			case t.events <- trackedEvent{url: url, err: fmt.Errorf("no answer after %d tries", tries)}:
			default:
			}
		}
		res, err := t.client.trackers.Announce(ctx, url, req)
		if ctx.Err() != nil {
			break
		}
		wait := retryEvery
		if err == nil {
			event, wait, known = tracker.None, res.Interval, true
		}
		if errors.Is(err, tracker.ErrNotServed) {
			wait = notServedEvery
		}
		t.post(trackedEvent{url, res, err})
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-kick:
		case <-ctx.Done():
		}
		timer.Stop()
		if now := t.isWhole(); now && !whole && event == tracker.None {
			event, whole = tracker.Completed, true
		}
	}
	if known {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
		defer cancel()
		t.client.trackers.Announce(stop, url, t.request(h, tracker.Stopped))
	}
}

func (t *Torrent) isWhole() bool {
	select {
	case <-t.whole:
		return true
	default:
		return false
	}
}

// request is an announce with what is true now.
func (t *Torrent) request(h metainfo.Hash, e tracker.Event) tracker.Request {
	s := t.Stats()
	left := s.Left
	if s.Pieces == 0 {
		left = metainfo.BlockSize // not known before the metadata, but not nothing
	}
	return tracker.Request{
		InfoHash: h, PeerID: t.client.peerID, Downloaded: s.Received, Uploaded: s.Sent, Left: left,
		Event: e, Port: t.client.Addr().Port(), NumWant: numWant, Key: t.client.key, Urgent: s.Waiting > 0,
	}
}

// trackerTrouble says what the trackers answer, for a reader that waits.
func (an *announcing) trouble() string {
	for url, err := range an.errs {
		if err != "" {
			return fmt.Sprintf("tracker %s: %s", url, err)
		}
	}
	return ""
}
