package pex

import (
	"net/netip"
	"slices"
	"time"

	"p2pfs/swarm/netgroup"
)

// retry is how soon a feed that had nothing to tell is looked at again.
const retry = time.Second

// Feed is what one peer was told, so that it is told of changes only.
type Feed struct {
	told   map[netip.AddrPort]bool
	due    time.Time
	passed uint64 // of Recent: how far it was told
}

// Receiver is a peer that is told of others: the address of the connection,
// and where it takes connections itself, if that is known.
type Receiver struct {
	Addr   netip.Addr
	Listen netip.AddrPort
}

// mayHear reports whether a receiver is to be told of a peer: not of itself,
// and not of what others should not know.
func (to Receiver) mayHear(p Peer) bool {
	return p.Addr != to.Listen && usable(p.Addr) && netgroup.MayKnow(to.Addr, p.Addr.Addr())
}

// NewFeed returns the feed of a peer that connected now.
func NewFeed(now time.Time) Feed { return Feed{due: now.Add(FirstDelay)} }

// Due reports whether it is time to call Next.
func (f *Feed) Due(now time.Time) bool { return !now.Before(f.due) }

// Next returns what the peer is to be told now: of live, the peers connected
// now, itself maybe among them, and of recent. It reports false where there is
// nothing to tell, and is not to be called before Due is true. What does not
// fit is told the next time.
func (f *Feed) Next(now time.Time, to Receiver, live []Peer, recent *Recent) (Message, bool) {
	f.due = now.Add(retry)
	m := Message{Added: f.fresh(to, live), Dropped: f.gone(live)}
	m.Added = f.revive(m.Added, to, live, recent)
	if len(m.Added)+len(m.Dropped) == 0 {
		return m, false
	}
	if f.told == nil {
		f.told = make(map[netip.AddrPort]bool)
	}
	for _, p := range m.Added {
		f.told[p.Addr] = true
	}
	for _, a := range m.Dropped {
		delete(f.told, a)
	}
	f.due = now.Add(Interval)
	return m, true
}

// gone lists up to 50 of those that were told and are not live.
func (f *Feed) gone(live []Peer) (out []netip.AddrPort) {
	here := make(map[netip.AddrPort]bool, len(live))
	for _, p := range live {
		here[p.Addr] = true
	}
	for a := range f.told {
		if !here[a] {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, netip.AddrPort.Compare)
	return out[:min(len(out), MaxEntries)]
}

// fresh lists up to 50 of those that are live and were not told.
func (f *Feed) fresh(to Receiver, live []Peer) (out []Peer) {
	for _, p := range live {
		if !f.told[p.Addr] && to.mayHear(p) {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, byUse)
	out = slices.CompactFunc(out, func(a, b Peer) bool { return a.Addr == b.Addr })
	return out[:min(len(out), MaxEntries)]
}

// revive appends peers that left of late, of each family that has few live
// ones. They are told once, and as they are not live, dropped with the message
// that follows.
func (f *Feed) revive(out []Peer, to Receiver, live []Peer, recent *Recent) []Peer {
	few := [2]int{}
	taken := make(map[netip.AddrPort]bool, len(live))
	for _, p := range live {
		few[family(p.Addr)]++
		taken[p.Addr] = true
	}
	for _, g := range recent.after(f.passed) {
		if len(out) == MaxEntries {
			break
		}
		f.passed = g.seq
		if few[family(g.peer.Addr)] < fewLive && !taken[g.peer.Addr] && !f.told[g.peer.Addr] && to.mayHear(g.peer) {
			out = append(out, g.peer)
		}
	}
	return out
}
