//go:build linux

package fs

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"bazil.org/fuse"
)

// told is a kernel that writes down what it was told. While stuck is open it
// blocks, as the real one does behind an unanswered lookup.
type told struct {
	t     *table
	mu    sync.Mutex
	calls []string
	stuck chan struct{}
	err   error
}

func (k *told) note(s string) error {
	if k.stuck != nil {
		<-k.stuck
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls = append(k.calls, s)
	return k.err
}

func (k *told) name(id fuse.NodeID) string { return k.t.get(id).node.path }

func (k *told) InvalidateEntry(dir fuse.NodeID, name string) error {
	return k.note(fmt.Sprintf("entry %q %q", k.name(dir), name))
}

func (k *told) InvalidateNode(id fuse.NodeID, off, size int64) error {
	if off >= 0 {
		return k.note(fmt.Sprintf("pages of %q", k.name(id)))
	}
	return k.note(fmt.Sprintf("attr %q", k.name(id)))
}

func (k *told) sorted() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := slices.Clone(k.calls)
	slices.Sort(l)
	return l
}

func knowing(paths ...string) *table {
	t := newTable()
	for _, p := range paths {
		t.ref(node{path: p}, &Entry{})
	}
	return t
}

func TestInvalidate(t *testing.T) {
	tests := []struct {
		known   string
		changes []change
		want    []string
	}{
		{"a a/f", []change{{"a/f", ChangeEntry}}, []string{`attr "a"`, `entry "a" "f"`}},
		// Not known yet: its lookup may be on the way.
		{"a", []change{{"a/f", ChangeEntry}}, []string{`attr "a"`, `entry "a" "f"`}},
		{"a", []change{{"b/f", ChangeEntry}}, nil},
		{"", []change{{"f", ChangeEntry}}, []string{`attr ""`, `entry "" "f"`}},
		{"", []change{{"", ChangeEntry}}, []string{`attr ""`}},
		{"a a/f", []change{{"a/f", ChangeAttr}}, []string{`attr "a/f"`}},
		{"a", []change{{"a/f", ChangeAttr}}, nil},
		{"", []change{{"", ChangeAttr}}, []string{`attr ""`}},
		{"a a/f", []change{{"a/f", ChangeEntry}, {"a/g", ChangeEntry}, {"a/f", ChangeEntry}},
			[]string{`attr "a"`, `entry "a" "f"`, `entry "a" "g"`}},
		{"a a/b a/b/c d", []change{{"a", ChangeTree}},
			[]string{`attr ""`, `attr "a"`, `attr "a/b"`, `attr "a/b/c"`, `entry "" "a"`, `entry "a" "b"`, `entry "a/b" "c"`}},
		{"a b", []change{{"", ChangeTree}},
			[]string{`attr ""`, `attr "a"`, `attr "b"`, `entry "" "a"`, `entry "" "b"`}},
		{"", []change{{"new", ChangeTree}}, []string{`attr ""`, `entry "" "new"`}},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			tab := knowing(strings.Fields(tt.known)...)
			k := &told{t: tab, err: fuse.ErrNotCached}
			v := newInvalidator(k, tab)
			done := make(chan struct{})
			go v.run(done)
			for _, c := range tt.changes {
				v.add(c)
			}
			synctest.Wait()
			close(done)
			if got := k.sorted(); !reflect.DeepEqual(got, tt.want) && len(got)+len(tt.want) > 0 {
				t.Errorf("knowing %q, %v tells %q, want %q", tt.known, tt.changes, got, tt.want)
			}
		})
	}
}

// While the kernel does not take an invalidation, changes are added without
// waiting, each kept once, and a flood of them becomes one for everything.
func TestInvalidateNeverBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tab := knowing("f")
		k := &told{t: tab, stuck: make(chan struct{})}
		v := newInvalidator(k, tab)
		done := make(chan struct{})
		go v.run(done)
		v.add(change{"f", ChangeAttr})
		synctest.Wait() // stuck in the kernel
		for range 1000 {
			v.add(change{"f", ChangeEntry})
		}
		if n := len(v.pending); n != 1 {
			t.Errorf("%d changes pending, want 1", n)
		}
		for i := range maxPending + 10 {
			v.add(change{fmt.Sprint("new", i), ChangeEntry})
		}
		if _, all := v.pending[change{"", ChangeTree}]; len(v.pending) > maxPending || !all {
			t.Errorf("%d changes pending, everything among them: %v", len(v.pending), all)
		}
		close(k.stuck)
		synctest.Wait()
		if got := k.sorted(); !slices.Contains(got, `entry "" "f"`) {
			t.Errorf("told %d things, not the one known name", len(got))
		}
		close(done)
	})
}

// The goroutine ends in the middle of a batch.
func TestInvalidateEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tab := knowing()
		k := &told{t: tab, stuck: make(chan struct{})}
		v := newInvalidator(k, tab)
		done := make(chan struct{})
		for i := range 1000 {
			v.add(change{fmt.Sprint(i), ChangeEntry})
		}
		go v.run(done)
		synctest.Wait()
		close(done)
		close(k.stuck)
		synctest.Wait() // the bubble fails if run does not return
		if n := len(k.sorted()); n > 2 {
			t.Errorf("told %d more things after the end", n)
		}
	})
}
