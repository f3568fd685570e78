package store

import "testing"

func FuzzNode(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := UnmarshalStub(data)
		if err != nil {
			return
		}
		again, err := UnmarshalStub(n.Marshal())
		if err != nil || len(again.Kids) != len(n.Kids) || again.First != n.First || again.Own != n.Own {
			t.Fatalf("read %+v, and again %+v, %v", n, again, err)
		}
	})
}
