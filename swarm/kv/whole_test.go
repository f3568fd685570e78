package kv

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// TestWholeIsNotDamaged looks at a database after each of many transactions that
// put and delete at random: nothing that bbolt writes is taken for damage.
func TestWholeIsNotDamaged(t *testing.T) {
	cfg := testConfig(filepath.Join(t.TempDir(), "x.db"))
	d := open(t, cfg)
	seed := uint64(os.Getpid())
	r := rand.New(rand.NewPCG(seed, 9))
	for n := range 400 {
		first, count := r.IntN(3000), 1+r.IntN(300)
		deletes, big := r.IntN(3) == 0, r.IntN(8) == 0
		err := d.Update(func(tx *bolt.Tx) (err error) {
			for i := range count {
				bucket := [][]byte{bucketA, bucketB}[r.IntN(2)]
				key := fmt.Sprintf("%05d", first+i*r.IntN(4))
				switch {
				case deletes:
					err = errors.Join(err, tx.Bucket(bucket).Delete([]byte(key)))
				case big:
					err = errors.Join(err, put(tx, bucket, key, make([]byte, r.IntN(9000))))
				default:
					err = errors.Join(err, put(tx, bucket, key, make([]byte, r.IntN(100))))
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(cfg.Path)
		if err != nil {
			t.Fatal(err)
		}
		err = check(f, cfg.checkValue)
		f.Close()
		if err != nil {
			t.Fatalf("seed %d, transaction %d: %v", seed, n, err)
		}
	}
}
