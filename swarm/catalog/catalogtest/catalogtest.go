package catalogtest

import (
	"fmt"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/store"
	"testing"
	"time"
)

// Objects is a plain set of objects.
type Objects map[catalog.Hash][]byte

func (o Objects) Read(h catalog.Hash) ([]byte, error) {
	if data, ok := o[h]; ok {
		return data, nil
	}
	return nil, store.ErrGone
}

// File returns a File with content drawn from seed.
func File(path string, seed int) catalog.File {
	root := catalog.HashObject(fmt.Appendf(nil, "%s %d", "content", seed))
	return catalog.File{
		Path: path, Size: int64(seed) + 1, Root: root, V1: [20]byte(root[:20]),
		MTime: time.Unix(1700000000+int64(seed), int64(seed)),
	}
}

// Walk returns all items under a directory object, by path.
func (o Objects) Walk(t *testing.T, root catalog.Hash, path string, out map[string]catalog.Item) {
	t.Helper()
	if root == catalog.EmptyHash {
		return // the store always has it
	}
	data, ok := o[root]
	if !ok {
		t.Fatalf("%s: object %v missing", path, root)
	}
	if len(data) > catalog.MaxObject {
		t.Fatalf("%s: object of %d bytes", path, len(data))
	}
	obj, err := catalog.DecodeObject(data)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for _, k := range obj.Kids {
		o.Walk(t, k.Hash, path, out)
	}
	for _, it := range obj.Items {
		out[path+it.Name] = it
		if it.Kind == catalog.KindDir {
			o.Walk(t, it.Root, path+it.Name+"/", out)
		}
	}
}

// Many returns n files in one directory.
func Many(n int) []catalog.File {
	files := make([]catalog.File, n)
	for i := range files {
		files[i] = File(fmt.Sprintf("dir/file %05d.txt", i), i)
	}
	return files
}

// ident returns the identity of a fixed seed.
func Identity(n int) *catalog.Identity {
	return catalog.IdentityFromSeed([32]byte{byte(n), byte(n >> 8), 7})
}

var (
	Salt = catalog.Salt{1, 2, 3}
	Time = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

const Life = 30 * 24 * time.Hour
