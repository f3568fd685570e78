package record

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	"p2pfs/swarm/share/inode"
)

// TestOpensWhatWasWrittenBefore takes databases that earlier versions made of
// three files of 4, 70 000 and 300 000 bytes. They ended well; the first of them
// did not say so yet, and its records are not taken for sound.
func TestOpensWhatWasWrittenBefore(t *testing.T) {
	for name, sound := range map[string]bool{"hashes-1eb9033.db.gz": false, "hashes-b405ef1.db.gz": true} {
		s := testStore(t, unpack(t, name))
		var ids []inode.ID
		s.view(func(tx *bolt.Tx) error {
			return tx.Bucket(bucketFile).ForEach(func(k, _ []byte) error {
				id, ok := parseKey(k)
				if !ok {
					t.Errorf("%s: key %x", name, k)
				}
				ids = append(ids, id)
				return nil
			})
		})
		pieces := map[int64]int{}
		for _, id := range ids {
			sum, ok := s.Find(id)
			h := s.Hashes(id)
			if !ok || h == nil || h.Root != sum.Root || sum.Sound != sound || sum.CTime == 0 || sum.V1.IsZero() || sum.V2.IsZero() {
				t.Errorf("%s: %d bytes: %+v, %v", name, id.Size, sum, h)
				continue
			}
			pieces[id.Size] = len(h.Pieces)
		}
		if len(pieces) != 3 || pieces[4] != 1 || pieces[70_000] != 2 || pieces[300_000] != 5 {
			t.Errorf("%s: pieces by size are %v", name, pieces)
		}
		s.close()
	}
}

// unpack returns the path of a file of testdata, unpacked.
func unpack(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "hashes.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
