package share

import (
	"encoding/binary"
	"time"

	bolt "go.etcd.io/bbolt"

	"p2pfs/swarm/kv"
)

// A power cut may take back what a file held when it was hashed and leave its
// size and times as they were: zeros, where room for it was allotted before, or
// what stood there before it was written over. Two things keep such bytes from
// being served under a hash that is valid. A record is stored when the file's
// data is on disk (see disks). And records hold for an epoch: they are trusted
// until a run ends without Close and the machine, or the filesystem's mount, is
// another one when the next begins. From then on each piece is verified before
// it is served, and the file's record belongs to the new epoch when all are.
//
// bucketRun holds one value, sealed: the epoch, whether the last run ended by
// Close, and where that was.
//
//	run  version 1, epoch 8, clean 1, place
var (
	bucketRun = []byte("run")
	keyRun    = []byte("run")
)

const (
	runVersion = 1
	runLen     = 1 + 8 + 1 // without the place
)

// run is what is known of the last run.
type run struct {
	epoch int64
	clean bool   // it ended by Close
	place string // boot of the machine and mount of the share directory; "": not known
}

// next is the run that begins at a place after r. had is false if nothing is
// known of an earlier one.
func (r run) next(had bool, place string, now time.Time) run {
	trusted := had && (r.clean || place != "" && r.place == place)
	if !trusted {
		r.epoch = max(r.epoch+1, now.UnixNano())
	}
	return run{epoch: r.epoch, place: place}
}

func (r run) encode() []byte {
	v := binary.BigEndian.AppendUint64([]byte{runVersion}, uint64(r.epoch))
	if r.clean {
		v = append(v, 1)
	} else {
		v = append(v, 0)
	}
	return kv.Seal(bucketRun, keyRun, append(v, r.place...))
}

func decodeRun(v []byte) (r run, ok bool) {
	v, ok = kv.Unseal(bucketRun, keyRun, v)
	if !ok || len(v) < runLen || v[0] != runVersion {
		return r, false
	}
	return run{epoch: int64(binary.BigEndian.Uint64(v[1:])), clean: v[9] == 1, place: string(v[runLen:])}, true
}

// beginRun notes, down to the disk, that a run began.
func (s *store) beginRun() error {
	return s.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketRun)
		last, had := decodeRun(b.Get(keyRun))
		r := last.next(had, s.place, time.Now())
		if first, _ := tx.Bucket(bucketFile).Cursor().First(); first != nil && r.epoch != last.epoch {
			s.log.Info("last run did not end well: shared files are verified as they are read")
		}
		s.epoch.Store(r.epoch)
		return b.Put(keyRun, r.encode())
	})
}

// endRun notes that the run ended well: all that was hashed is on disk.
func (s *store) endRun() error {
	return s.db.Update(func(tx *bolt.Tx) error {
		return tx.Bucket(bucketRun).Put(keyRun, run{epoch: s.epoch.Load(), clean: true, place: s.place}.encode())
	})
}
