package drive

import (
	"context"
	"time"

	"p2pfs/swarm/book"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/drive/who"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/netgroup"
)

// Who returns holders of a file, the surest first: those of publishers who are
// connected, whose catalogue has the file; members who say that they have pieces
// of it; whom others say so of.
//
// It asks all connected members and returns as soon as one knows of a piece, at
// once where a publisher is connected; what the others answer later is there at
// the next call, which then returns at once. Nothing and no error: nobody who is
// connected knows of one.
func (d *Drive) Who(ctx context.Context, file hashing.Content, publishers ...catalog.Key) ([]Holder, error) {
	result := make(chan []Holder, 1)
	inquire := asking{func(l *loop) { l.inquire(file, publishers, result) }, func(error) { offer(result, nil) }}
	if err := d.post(ctx, inquire); err != nil {
		return nil, err
	}
	select {
	case list := <-result:
		return list, nil
	case <-d.ctx.Done():
		return nil, ErrClosed
	case <-ctx.Done(): // the loop answers into the channel and forgets it
		return nil, ctx.Err()
	}
}

func (l *loop) inquire(file hashing.Content, publishers []catalog.Key, result chan<- []Holder) {
	var members []int
	for id, c := range l.conns.byID {
		if !c.net.Busy() {
			members = append(members, id)
		}
	}
	tell := func(list []Holder) { result <- list } // has room for one, and gets one
	for _, id := range l.who.Ask(file, l.publishing(publishers), tell, members, time.Now()) {
		l.conns.byID[id].Say(message.Who{File: file})
	}
}

// publishing lists the publishers of a file who can be dialled for it: those who
// are connected, and where others were met.
func (l *loop) publishing(publishers []catalog.Key) (list []Holder) {
	for _, k := range publishers {
		if c := l.conns.byKey[k]; c != nil && netgroup.MayTell(c.net.Remote.Addr(), c.listen) {
			list = append(list, Holder{Addr: c.listen, Member: k, Pieces: Pieces{All: true}})
		}
	}
	for _, k := range publishers {
		if l.conns.byKey[k] != nil || k == (catalog.Key{}) {
			continue
		}
		for _, a := range l.d.swarm.Of(book.Owner(k)) {
			list = append(list, Holder{Addr: a, Member: k, Pieces: Pieces{All: true}})
		}
	}
	return list
}

func (l *loop) onHolds(c *conn, m message.Holds, now time.Time) {
	asked, useful := l.who.Answer(who.Member{ID: c.id, Key: c.Key, Remote: c.net.Remote.Addr(), Listen: c.listen}, m, now)
	if useful {
		c.net.Useful(0, now)
	}
	if !asked {
		l.unasked(c, len(m.File.Root), now)
	}
}
