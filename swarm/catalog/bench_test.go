package catalog

import (
	"fmt"
	"testing"
)

func BenchmarkBuildAgain(b *testing.B) {
	var files []File
	for i := range 100_000 {
		files = append(files, file(fmt.Sprintf("d%03d/e%d/file %06d.jpg", i%500, i%7, i), i))
	}
	builder := NewBuilder(func(Hash, []byte) error { return nil })
	mustBuild(b, builder, files)
	for i := 0; b.Loop(); i++ {
		files[5] = file(files[5].Path, 2_000_000+i)
		mustBuild(b, builder, files)
	}
}

func BenchmarkDecodeObject(b *testing.B) {
	var items []item
	for _, f := range many(100) {
		e, _ := entryOf(&f)
		items = append(items, e.item)
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
