package swarm

import "runtime"

// hashers bounds what all torrents hash at once.
type hashers struct {
	cores     chan struct{} // room for one a core
	forOthers chan struct{} // room for one that hashes for others
	answering *answering
}

func newHashers() hashers {
	return hashers{make(chan struct{}, runtime.GOMAXPROCS(0)), make(chan struct{}, 1), newAnswering()}
}

// spawn runs f on a goroutine that the torrent waits for. A panic in it ends
// the torrent.
func (t *Torrent) spawn(f func()) {
	t.wg.Go(func() {
		if err := t.client.guard.Do(f); err != nil {
			t.cancel(err)
		}
	})
}

// hashFor runs f, which hashes for a peer, on a goroutine of its own, one at a
// time of all torrents: verifying what we fetch does not wait for it.
func (t *Torrent) hashFor(f func()) {
	t.spawn(func() {
		select {
		case t.client.hash.forOthers <- struct{}{}:
		case <-t.done:
			return
		}
		defer func() { <-t.client.hash.forOthers }()
		f()
	})
}

// work runs f on a goroutine of its own, as many at once as there are cores.
func (t *Torrent) work(f func()) {
	t.spawn(func() {
		t.client.hash.cores <- struct{}{}
		defer func() { <-t.client.hash.cores }()
		f()
	})
}
