package catalog

import (
	"fmt"
	"testing"
	"time"
)

// objects is a plain set of objects.
type objects map[Hash][]byte

func (o objects) read(h Hash) ([]byte, error) {
	if data, ok := o[h]; ok {
		return data, nil
	}
	return nil, ErrGone
}

// file returns a File with content drawn from seed.
func file(path string, seed int) File {
	root := HashObject(fmt.Appendf(nil, "%s %d", "content", seed))
	return File{
		Path: path, Size: int64(seed) + 1, Root: root, V1: [20]byte(root[:20]),
		MTime: time.Unix(1700000000+int64(seed), int64(seed)),
	}
}

// walk returns all items under a directory object, by path.
func (o objects) walk(t *testing.T, root Hash, path string, out map[string]item) {
	t.Helper()
	if root == emptyHash {
		return // the store always has it
	}
	data, ok := o[root]
	if !ok {
		t.Fatalf("%s: object %v missing", path, root)
	}
	if len(data) > MaxObject {
		t.Fatalf("%s: object of %d bytes", path, len(data))
	}
	obj, err := decodeObject(data)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for _, k := range obj.kids {
		o.walk(t, k.hash, path, out)
	}
	for _, it := range obj.items {
		out[path+it.name] = it
		if it.kind == KindDir {
			o.walk(t, it.root, path+it.name+"/", out)
		}
	}
}

// many returns n files in one directory.
func many(n int) []File {
	files := make([]File, n)
	for i := range files {
		files[i] = file(fmt.Sprintf("dir/file %05d.txt", i), i)
	}
	return files
}

// ident returns the identity of a fixed seed.
func ident(n int) *Identity {
	return IdentityFromSeed([32]byte{byte(n), byte(n >> 8), 7})
}

var (
	testSalt = Salt{1, 2, 3}
	testTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

const testLife = 30 * 24 * time.Hour
