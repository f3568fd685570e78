package catalog

import (
	"fmt"
	"testing"
)

func BenchmarkDecodeObject(b *testing.B) {
	var items []item
	for i := range 100 {
		root := HashObject([]byte{byte(i)})
		items = append(items, item{name: fmt.Sprintf("file %05d.txt", i), size: 1 + int64(i), mtime: int64(i), root: root, v1: [20]byte(root[:20])})
	}
	data := appendShard(nil, items)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeObject(data); err != nil {
			b.Fatal(err)
		}
	}
}
