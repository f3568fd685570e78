package metainfo

import "testing"

func TestInfoHashV2(t *testing.T) {
	for _, name := range []string{"a", "a file with a name.mkv", "grüße\n"} {
		for _, size := range []int64{1, 16 << 10, 65 << 20, 3 << 30, 5 << 40} {
			c := Content{Root: Hash256{1, 2, 3}, Size: size}
			info, err := BuildV2(name, size, PieceLength(size), c.Root, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := InfoHashV2(name, c); got != info.HashV2 {
				t.Errorf("%q, %d bytes: got %v, want %v", name, size, got, info.HashV2)
			}
		}
	}
}

func TestInfoHashes(t *testing.T) {
	for _, opt := range []Options{{}, {Private: true}, {Source: "a source"}, {Private: true, Source: "s"}} {
		for _, size := range []int64{1, 16 << 10, 1 << 20} {
			c := Content{Root: Hash256{1, 2, 3}, Size: size}
			pieces := make([]Hash, (size+PieceLength(size)-1)/PieceLength(size))
			pieces[0][3] = 7
			one, err1 := BuildV1("grüße\n", size, PieceLength(size), pieces, opt)
			two, err2 := BuildV2("grüße\n", size, PieceLength(size), c.Root, opt)
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			if v1, v2 := InfoHashes("grüße\n", c, pieces, opt); v1 != one.HashV1 || v2 != two.HashV2 {
				t.Errorf("%+v, %d bytes: got %v and %v, want %v and %v", opt, size, v1, v2, one.HashV1, two.HashV2)
			}
		}
	}
}
