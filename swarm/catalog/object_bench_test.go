package catalog

import (
	"fmt"
	"testing"
)

func BenchmarkDecodeObject(b *testing.B) {
	var items []Item
	for i := range 100 {
		root := HashObject([]byte{byte(i)})
		items = append(items, Item{Name: fmt.Sprintf("file %05d.txt", i), Size: 1 + int64(i), MTime: int64(i), Root: root, V1: [20]byte(root[:20])})
	}
	data := AppendShard(nil, items)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeObject(data); err != nil {
			b.Fatal(err)
		}
	}
}
