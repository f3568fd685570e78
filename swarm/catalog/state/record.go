package state

import (
	"fmt"
	"net/netip"
	"p2pfs/swarm/bencode"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/store"
	"p2pfs/swarm/kv"
	"time"

	"go.etcd.io/bbolt"
)

// record is an author as the store keeps him.
type record struct {
	Bad   int64  `bencode:"bad"`
	Got   int64  `bencode:"got"`   // on the clock, seconds, like last
	Group string `bencode:"group"` // that brought him; empty: not known
	Last  int64  `bencode:"last"`
	Met   int64  `bencode:"met"`
	Order int64  `bencode:"order"`
	Own   int64  `bencode:"own"`
	Quiet int64  `bencode:"quiet"`
	Seen  int64  `bencode:"seen"` // Unix seconds
	Seq   int64  `bencode:"seq"`
	Shown string `bencode:"shown"` // a head, bencoded; empty: none
	Want  string `bencode:"want"`
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// save stores all of an author that is to outlive a restart, unless he has no
// place.
func (r *Roster) save(a *author) {
	if !a.placed && a.rank != myself {
		return
	}
	rec := record{
		Bad: flag(a.bad), Met: flag(a.met), Order: int64(a.order), Seen: a.seen.Unix(), Seq: a.seq,
		Last: seconds(a.last), Got: seconds(a.got), Own: flag(a.own), Quiet: flag(a.quiet),
	}
	if a.group.IsValid() {
		rec.Group = a.group.String()
	}
	if a.shown != nil {
		rec.Shown = string(a.shown.Append(nil))
	}
	if a.want != nil {
		rec.Want = string(a.want.Append(nil))
	}
	data, err := bencode.Marshal(rec)
	if err != nil {
		panic(err) // a struct of strings and integers
	}
	r.store.Put(func(b *store.Batch) { b.Heads[a.key], b.Clock = data, r.clock.marshal() })
}

// load takes in the authors and the clock from disk.
func (r *Roster) load(tx *bbolt.Tx) error {
	if at := tx.Bucket(store.BucketMeta).Get(store.KeyClock); at != nil {
		at, ok := kv.Unseal(store.BucketMeta, store.KeyClock, at)
		if !ok {
			return fmt.Errorf("%w: clock: %w", kv.ErrDamaged, store.ErrValue)
		}
		r.clock = unmarshalClock(at)
	}
	err := store.EachSealed(tx, store.BucketHeads, func(k, v []byte) error {
		if len(k) != len(catalog.Key{}) {
			return fmt.Errorf("key of %d bytes", len(k))
		}
		a := r.author(catalog.Key(k))
		if err := a.read(v); err != nil {
			return fmt.Errorf("author %s: %w", a.key.Short(), err)
		}
		r.enter(a)
		r.places.add(a.group)
		return nil
	})
	if err == nil && r.clock.at.IsZero() {
		r.startClock()
	}
	return err
}

// read sets what a record says.
func (a *author) read(data []byte) error {
	var r record
	if err := bencode.Unmarshal(data, &r, bencode.Limits{}); err != nil {
		return err
	}
	a.seq, a.bad, a.met, a.order, a.seen = r.Seq, r.Bad != 0, r.Met != 0, uint64(r.Order), time.Unix(r.Seen, 0)
	a.sighting = sighting{time.Duration(r.Last) * time.Second, time.Duration(r.Got) * time.Second, r.Own != 0}
	a.group, _ = netip.ParsePrefix(r.Group) // the zero one where it is not known
	a.placed, a.quiet = true, r.Quiet != 0
	for of, text := range map[**catalog.Head]string{&a.shown: r.Shown, &a.want: r.Want} {
		if text == "" {
			continue
		}
		h, err := catalog.ParseHead([]byte(text))
		if err != nil {
			return err
		}
		*of = &h
	}
	return nil
}

// startClock sets the clock of a store that was written before there was one: an
// author was connected to somebody when he last gave a sign of life.
func (r *Roster) startClock() {
	r.clock.loaded = true
	for _, a := range r.authors {
		if a.seen.After(r.clock.at) {
			r.clock.at = a.seen
		}
	}
	for _, a := range r.authors {
		a.last = max(a.seen.Sub(r.clock.at), -maxAge)
		a.got = a.last
		r.save(a)
	}
}
