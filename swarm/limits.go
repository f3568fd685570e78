package swarm

import (
	"sync"
	"time"
)

const (
	// dialsPerSecond bounds new connections of all torrents.
	dialsPerSecond = 100
	// handshakeTimeout bounds the whole handshake.
	handshakeTimeout = 10 * time.Second
	// dialTimeout bounds the TCP connection before it.
	dialTimeout = 8 * time.Second
)

// limits counts the connections of all torrents. It has a lock of its own,
// held for a few instructions, because every torrent's loop asks it.
type limits struct {
	mu    sync.Mutex
	max   int
	open  int
	dials float64 // tokens
	at    time.Time
}

func newLimits(max int) *limits {
	if max <= 0 {
		max = 400
	}
	return &limits{max: max, dials: dialsPerSecond}
}

// mayDial takes a token for one dial.
func (l *limits) mayDial(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.at.IsZero() {
		l.dials = min(dialsPerSecond, l.dials+now.Sub(l.at).Seconds()*dialsPerSecond)
	}
	l.at = now
	if l.dials < 1 || l.open >= l.max {
		return false
	}
	l.dials--
	return true
}

// joined counts a connection.
func (l *limits) joined() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open++
}

// over reports whether there are more connections than there should be: one
// has to make room.
func (l *limits) over() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open > l.max
}

// left takes a connection off the count.
func (l *limits) left() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
}
