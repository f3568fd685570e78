package metainfo

import "testing"

func TestInfoHashV2(t *testing.T) {
	for _, name := range []string{"a", "a file with a name.mkv", "grüße\n"} {
		for _, size := range []int64{1, 16 << 10, 65 << 20, 3 << 30, 5 << 40} {
			c := Content{Hash256{1, 2, 3}, size}
			info, err := BuildV2(name, size, PieceLength(size), c.Root)
			if err != nil {
				t.Fatal(err)
			}
			if got := InfoHashV2(name, c); got != info.HashV2 {
				t.Errorf("%q, %d bytes: got %v, want %v", name, size, got, info.HashV2)
			}
		}
	}
}
