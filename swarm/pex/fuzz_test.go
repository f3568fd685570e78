package pex

import (
	"net/netip"
	"reflect"
	"testing"
)

// FuzzParse reads any body: no panic, all within bounds, and what was read
// survives writing and reading again.
func FuzzParse(f *testing.F) {
	for _, g := range goldens() {
		f.Add([]byte(g.bytes))
	}
	for _, l := range loose() {
		f.Add([]byte(l.body))
	}
	for _, r := range refused() {
		f.Add([]byte(r.body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := Parse(body)
		if err != nil {
			return
		}
		if len(m.Added) > 2*MaxEntries || len(m.Dropped) > 2*MaxEntries {
			t.Fatalf("%q: out of bounds: %+v", body, m)
		}
		seen := map[netip.Addr]bool{}
		for _, p := range m.Added {
			if !usable(p.Addr) || seen[p.Addr.Addr()] {
				t.Fatalf("%q: %v is of no use", body, p)
			}
			seen[p.Addr.Addr()] = true
		}
		again, err := Parse(Append(nil, m))
		if err != nil || !reflect.DeepEqual(m, again) {
			t.Fatalf("%q: read %+v, written and read again %+v, %v", body, m, again, err)
		}
	})
}
