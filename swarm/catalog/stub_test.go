package catalog

import "testing"

func FuzzNode(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := unmarshalStub(data)
		if err != nil {
			return
		}
		again, err := unmarshalStub(n.marshal())
		if err != nil || len(again.kids) != len(n.kids) || again.first != n.first || again.own != n.own {
			t.Fatalf("read %+v, and again %+v, %v", n, again, err)
		}
	})
}
