package netgroup

import (
	"net/netip"
	"sync"
	"time"
)

// Teller is what kind of somebody an address was heard from.
type Teller int

// A Tracker is anybody that lists whoever announced to it: trackers and
// announcements on the local network. A Peer is another peer or a member.
const (
	Tracker Teller = iota
	Peer
)

const (
	// trackerDials in trackerWindow, and peerDials in peerWindow, are how often one
	// public address is dialled on the word of each kind of teller, whatever the
	// port and however many tell.
	trackerDials  = 6
	trackerWindow = 30 * time.Second
	peerDials     = 10
	peerWindow    = time.Minute
	// localDials in peerWindow is the same for an address of the local network,
	// where many may listen at one.
	localDials = 64
	// freeDials is how many dials of a public address nobody answered at have no
	// pause between them; then it doubles from firstPause to lastPause.
	freeDials  = 4
	firstPause = time.Second
	lastPause  = 30 * time.Second
	// maxVictims bounds the addresses that are remembered: more than a client
	// and its drives can dial within peerWindow.
	maxVictims = 1 << 14
)

// Dials bounds how often an address is dialled that nobody of ours has reached,
// on the word of others: so that they cannot have us flood or scan a third party,
// alone or many together. Who names every port of an address gets no more dials
// than who names one.
//
// Addresses that a user named, or where a peer answered before (Met), need not be
// asked about. The zero Dials is ready. It is safe for concurrent use.
type Dials struct {
	mu      sync.Mutex // guards victims; held for a few instructions
	victims map[netip.Addr]*victim
	met     map[netip.AddrPort]time.Time // where a peer answered, and when last
}

const (
	// maxMet and metLife bound where a peer answered: who is there wants to be
	// dialled.
	maxMet  = 4096
	metLife = time.Hour
)

// Meet notes that a peer answered at an address and port.
func (d *Dials) Meet(a netip.AddrPort, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.met[a]; !known && len(d.met) >= maxMet {
		for old, at := range d.met {
			if now.Sub(at) > metLife {
				delete(d.met, old)
			}
		}
		if len(d.met) >= maxMet {
			return
		}
	}
	if d.met == nil {
		d.met = map[netip.AddrPort]time.Time{}
	}
	d.met[a] = now
}

// Met reports whether a peer answered there within the last hour: whoever told of
// it again, it may be dialled, and the dial need not be counted. So a port where
// nobody is costs those at other ports of the address nothing.
func (d *Dials) Met(a netip.AddrPort, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	at, ok := d.met[a]
	return ok && now.Sub(at) <= metLife
}

// victim is an address that was dialled.
type victim struct {
	dials []time.Time // of the last localDials at most, the oldest first
	vain  int         // dials since a peer answered there
}

// Ready reports whether an address may be dialled now. It counts nothing.
func (d *Dials) Ready(a netip.Addr, by Teller, now time.Time) bool {
	a = a.Unmap().WithZone("")
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.victims[a]
	if v == nil {
		return len(d.victims) < maxVictims
	}
	switch {
	case Local(a):
		return v.since(now, peerWindow) < localDials
	case by == Tracker && v.since(now, trackerWindow) >= trackerDials, v.since(now, peerWindow) >= peerDials:
		return false
	}
	return !now.Before(v.dials[len(v.dials)-1].Add(v.pause()))
}

// Take is Ready, and counts a dial where it reports true.
func (d *Dials) Take(a netip.Addr, by Teller, now time.Time) bool {
	a = a.Unmap().WithZone("")
	d.sweep(now)
	if !d.Ready(a, by, now) {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.victims[a]
	if v == nil {
		if v = (&victim{}); d.victims == nil {
			d.victims = map[netip.Addr]*victim{}
		}
		d.victims[a] = v
	}
	if len(v.dials) == localDials {
		v.dials = append(v.dials[:0], v.dials[1:]...)
	}
	v.dials = append(v.dials, now)
	v.vain++
	return true
}

// Reached notes that a peer answered at an address: the dial was no harm.
func (d *Dials) Reached(a netip.Addr) {
	a = a.Unmap().WithZone("")
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.victims[a]
	if v == nil {
		return
	}
	v.vain = 0
	if v.dials = v.dials[:len(v.dials)-1]; len(v.dials) == 0 {
		delete(d.victims, a)
	}
}

// sweep forgets addresses that were not dialled of late, once there are many.
func (d *Dials) sweep(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.victims) < maxVictims {
		return
	}
	for a, v := range d.victims {
		if v.since(now, peerWindow) == 0 {
			delete(d.victims, a)
		}
	}
}

// since is how many dials there were within a time before now.
func (v *victim) since(now time.Time, window time.Duration) (n int) {
	for i := len(v.dials) - 1; i >= 0 && now.Sub(v.dials[i]) < window; i-- {
		n++
	}
	return n
}

// pause is how long the address is let be after its last dial.
func (v *victim) pause() time.Duration {
	if v.vain < freeDials {
		return 0
	}
	return min(firstPause<<min(v.vain-freeDials, 10), lastPause)
}
