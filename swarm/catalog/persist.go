package catalog

import (
	"fmt"
	"net/netip"
	"time"

	"go.etcd.io/bbolt"

	"p2pfs/swarm/bencode"
	"p2pfs/swarm/kv"
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

// saveAuthor stores all that is to outlive a restart, unless he has no place.
func (s *State) saveAuthor(a *author) {
	if !a.placed && !s.isSelf(a) {
		return
	}
	r := record{
		Bad: flag(a.bad), Met: flag(a.met), Order: int64(a.order), Seen: a.seen.Unix(), Seq: a.seq,
		Last: seconds(a.last), Got: seconds(a.got), Own: flag(a.own), Quiet: flag(a.quiet),
	}
	if a.group.IsValid() {
		r.Group = a.group.String()
	}
	if a.shown != nil {
		r.Shown = string(a.shown.Append(nil))
	}
	if a.want != nil {
		r.Want = string(a.want.Append(nil))
	}
	data, err := bencode.Marshal(r)
	if err != nil {
		panic(err) // a struct of strings and integers
	}
	s.store.put(func(b *batch) { b.heads[a.key], b.clock = data, s.clock.marshal() })
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// readStore takes in everything from disk and shows what is complete.
func (s *State) readStore() error {
	err := s.store.read(func(tx *bbolt.Tx) error {
		err := eachSealed(tx, bucketNodes, func(k, v []byte) error {
			n, err := unmarshalNode(v)
			if err != nil || len(k) != len(Hash{}) {
				return errNode
			}
			s.addNode(Hash(k), n)
			return nil
		})
		if err != nil {
			return err
		}
		if at := tx.Bucket(bucketMeta).Get(keyClock); at != nil {
			at, ok := kv.Unseal(bucketMeta, keyClock, at)
			if !ok {
				return fmt.Errorf("%w: clock: %w", kv.ErrDamaged, errValue)
			}
			s.clock = unmarshalClock(at)
		}
		return eachSealed(tx, bucketHeads, func(k, v []byte) error {
			if len(k) != len(Key{}) {
				return fmt.Errorf("key of %d bytes", len(k))
			}
			return s.readAuthor(Key(k), v)
		})
	})
	if err != nil {
		return err
	}
	err = s.store.read(func(tx *bbolt.Tx) error {
		return eachSealed(tx, bucketClaims, func(k, v []byte) error {
			if len(k) == len(claimKey{}) {
				s.readClaim(claimKey(k), v)
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	s.run()
	if s.clock.at.IsZero() {
		s.startClock()
	}
	s.showAll()
	return nil
}

// startClock sets the clock of a store that was written before there was one: an
// author was connected to somebody when he last gave a sign of life.
func (s *State) startClock() {
	s.clock.loaded = true
	for _, a := range s.authors {
		if a.seen.After(s.clock.at) {
			s.clock.at = a.seen
		}
	}
	for _, a := range s.authors {
		a.last = max(a.seen.Sub(s.clock.at), -maxAge)
		a.got = a.last
		s.saveAuthor(a)
	}
}

func (s *State) readAuthor(k Key, data []byte) error {
	var r record
	if err := bencode.Unmarshal(data, &r, bencode.Limits{}); err != nil {
		return fmt.Errorf("author %s: %w", k.Short(), err)
	}
	a := s.addAuthor(k)
	a.seq, a.bad, a.met, a.order, a.seen = r.Seq, r.Bad != 0, r.Met != 0, uint64(r.Order), time.Unix(r.Seen, 0)
	s.nextOrder = max(s.nextOrder, a.order+1)
	a.sighting = sighting{time.Duration(r.Last) * time.Second, time.Duration(r.Got) * time.Second, r.Own != 0}
	a.group, _ = netip.ParsePrefix(r.Group) // the zero one where it is not known
	a.placed, a.quiet = true, r.Quiet != 0
	s.places.add(a.group)
	var err error
	if a.shown, err = s.readHead(a, r.Shown); err != nil {
		return err
	}
	a.want, err = s.readHead(a, r.Want)
	return err
}

func (s *State) readHead(a *author, data string) (*Head, error) {
	if data == "" {
		return nil, nil
	}
	h, err := ParseHead([]byte(data))
	if err != nil {
		return nil, fmt.Errorf("author %s: %w", a.key.Short(), err)
	}
	s.ref(h.Root)
	return &h, nil
}

// showAll makes the first view, of what was shown when the store was written.
// A head whose objects are not all here, which takes a broken store, is fetched
// again.
func (s *State) showAll() {
	for _, a := range s.authors {
		if a.shown == nil {
			continue
		}
		if n := s.nodes[a.shown.Root]; n.complete {
			s.place(a)
			continue
		}
		lost := a.shown
		a.shown = nil
		if a.want == nil {
			a.want = lost
		} else {
			s.unref(lost.Root)
		}
	}
	for _, a := range s.authors {
		if want := a.want; want != nil {
			a.want = nil
			s.setWant(a, want)
			s.unref(want.Root) // the reference that readHead took
		}
	}
}
