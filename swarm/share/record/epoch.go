package record

import (
	"encoding/binary"
	"time"

	bolt "go.etcd.io/bbolt"

	"p2pfs/swarm/kv"
)

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

// run is what is known of a run.
type run struct {
	epoch int64
	clean bool   // it ended by Close
	place string // see Config
}

// next is the run that begins at a place after r. had is false if nothing is
// known of an earlier one.
func (r run) next(had bool, place string, now time.Time) run {
	if sound := had && (r.clean || place != "" && r.place == place); !sound {
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

// readRun returns the last run that was written, and whether there is one.
func readRun(tx *bolt.Tx) (run, bool) { return decodeRun(tx.Bucket(bucketRun).Get(keyRun)) }

func (r run) write(tx *bolt.Tx) error { return tx.Bucket(bucketRun).Put(keyRun, r.encode()) }
