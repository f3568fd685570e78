package state

import (
	"fmt"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/catalogtest"
	"p2pfs/swarm/catalog/store"
	"p2pfs/swarm/catalog/union"
	"testing"
	"time"
)

// maxVisits is how many objects and entries one call of a paced State may look
// at.
const maxVisits = 2000

// meter counts what each call of a State looks at.
type meter struct {
	*peer
	most  int64
	calls int
	slow  time.Duration // the slowest call
}

func newMeter(t testing.TB) *meter {
	m := &meter{peer: newPeer(t, 1, "me")}
	m.Pace()
	return m
}

// call counts one call.
func (m *meter) call(f func()) {
	m.t.Helper()
	before, start := m.Visits(), time.Now()
	f()
	m.slow = max(m.slow, time.Since(start))
	m.calls++
	if n := m.Visits() - before; n > m.most {
		if m.most = n; n > maxVisits {
			m.t.Errorf("one call looks at %d objects and entries", n)
		}
	}
}

// give applies a head and puts the objects that are needed, in order; then does
// all that follows.
func (m *meter) give(h catalog.Head, objects ...[]byte) (visits int64) {
	m.t.Helper()
	before := m.Visits()
	m.call(func() {
		if r, err := m.Apply(h, m.now); r != Accepted || err != nil {
			m.t.Fatalf("head of %s: %v, %v", h.Name, r, err)
		}
		m.Missing(h.Key)
	})
	for _, data := range objects {
		m.call(func() { m.PutObject(data, m.now) })
	}
	for more := true; more; {
		m.call(func() { more = m.Step() })
	}
	m.call(func() { m.View() })
	return m.Visits() - before
}

// bomb is a tree that names width*width*700 files: each directory is named
// width times.
func bomb(mark, width int) [][]byte {
	var files []catalog.Item
	for i := range 700 {
		files = append(files, catalog.Item{Name: fmt.Sprintf("%03d", i), MTime: int64(mark + 1)})
	}
	objects := [][]byte{catalog.AppendShard(nil, files)}
	for range 2 {
		var dirs []catalog.Item
		for i := range width {
			dirs = append(dirs, dirItem(fmt.Sprintf("d%02d", i), objects[0]))
		}
		objects = append([][]byte{catalog.AppendShard(nil, dirs)}, objects...)
	}
	return objects
}

func size(objects [][]byte) (n int) {
	for _, o := range objects {
		n += len(o)
	}
	return n
}

// Some members name two million files each in few bytes, all the same names,
// and change their minds again and again.
func TestWorkIsBoundedByTheBytesThatCame(t *testing.T) {
	m := newMeter(t)
	trees := [][][]byte{bomb(0, 53), bomb(1, 53), bomb(2, 53)}
	t.Logf("%d bytes name %d files", size(trees[0]), 700*53*53)
	old, rounds := m.View(), 12
	for round := range rounds {
		for n := 2; n < 8; n++ {
			tree := trees[(round+n)%len(trees)]
			visits := m.give(signRoot(t, m.peer, n, int64(round+1), catalog.HashObject(tree[0])), tree...)
			// Each object may be gone through once for its bytes, and for a head
			// a little more.
			if limit := int64(2*size(tree) + 2*unpaidVisits); visits > limit {
				t.Errorf("round %d, member %d: %d visits, want at most %d", round, n, visits, limit)
			}
		}
		start := time.Now()
		changes, err := union.Diff(old, m.View())
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("diff: %d changes in %v", len(changes), time.Since(start))
		if len(changes) > 1<<16 {
			t.Errorf("a diff tells %d changes", len(changes))
		}
		old = m.View()
	}
	if n := len(m.View().Members()); n != 6 {
		t.Errorf("%d members are shown", n)
	}
	// All that was in one moment: what heads have for nothing is for all of them.
	heads := 6 * rounds
	if most := int64(6*size(trees[0]) + heads*(unpaidLeast+200) + 2*unpaidPerS); m.Visits() > most {
		t.Errorf("%d visits in all, want at most %d", m.Visits(), most)
	}
	t.Logf("%d heads, %d visits", heads, m.Visits())
	t.Logf("%d calls, at most %d visits and %v each", m.calls, m.most, m.slow)
	checkInvariants(t, m.State)
}

// Thousands of members have a name in common. Each head costs the same, however
// many there are.
func TestOneNameOfThousands(t *testing.T) {
	m := newMeter(t)
	members := 4000
	if testing.Short() {
		members = 1000
	}
	x := func(i int) []byte { return catalog.AppendShard(nil, []catalog.Item{{Name: "x", MTime: int64(i + 1)}}) }
	for i := range members {
		if n := m.give(signRoot(t, m.peer, 10+i, 1, catalog.HashObject(x(i))), x(i)); n > maxVisits {
			t.Fatalf("the head of member %d costs %d visits", i, n)
		}
	}
	start, both := time.Now(), catalog.AppendShard(nil, []catalog.Item{{Name: "x", MTime: 5}, {Name: "y"}})
	for i := range 100 {
		if n := m.give(signRoot(t, m.peer, 10+i, 2, catalog.HashObject(both)), both); n > maxVisits {
			t.Fatalf("an edit of member %d costs %d visits", i, n)
		}
	}
	t.Logf("%v a head; %d calls, at most %d visits and %v each", time.Since(start)/100, m.calls, m.most, m.slow)
	if e, err := m.View().Lookup("x"); err != nil || e.Member != catalogtest.Identity(10).Key() {
		t.Errorf("x is %s's, %v", e.Member.Short(), err)
	}
}

// A hundred thousand objects wait for one that does not come, then nobody wants
// them any more; or it comes.
func TestManyThatWaitForOne(t *testing.T) {
	for _, comes := range []bool{true, false} {
		m := newMeter(t)
		last := catalog.AppendShard(nil, []catalog.Item{{Name: "last"}})
		var tree [][]byte
		var top []catalog.Item
		for i := range 300 {
			var dirs []catalog.Item
			for j := range 100 {
				o := catalog.AppendShard(nil, []catalog.Item{dirItem(fmt.Sprint(i, "-", j), last)})
				tree = append(tree, o)
				dirs = append(dirs, dirItem(fmt.Sprintf("%02d", j), o))
			}
			o := catalog.AppendShard(nil, dirs)
			tree = append([][]byte{o}, tree...)
			top = append(top, dirItem(fmt.Sprintf("%03d", i), o))
		}
		// The root outgrows one object: an index of two.
		a, b := catalog.AppendShard(nil, top[:150]), catalog.AppendShard(nil, top[150:])
		root := catalog.AppendIndex(nil, 1, []catalog.Kid{{First: top[0].Name, Hash: catalog.HashObject(a)}, {First: top[150].Name, Hash: catalog.HashObject(b)}})
		tree = append([][]byte{root, a, b}, tree...)
		m.give(signRoot(t, m.peer, 2, 1, catalog.HashObject(root)), tree...)
		if comes {
			m.call(func() { m.PutObject(last, m.now) })
		} else {
			m.call(func() { m.Apply(signRoot(t, m.peer, 2, 2, catalog.EmptyHash), m.now) })
		}
		for more := true; more; {
			m.call(func() { more = m.Step() })
		}
		if n := len(m.View().Members()); n != 1 {
			t.Errorf("%d members are shown", n)
		}
		if n := m.objects.held; !comes && n > store.ObjectWeight {
			t.Errorf("%d bytes are kept", n)
		}
		t.Logf("%d calls, at most %d visits and %v each", m.calls, m.most, m.slow)
		checkInvariants(t, m.State)
		m.now = m.now.Add(2 * catalogtest.Life)
		for range 3 { // what is shown expires, and is deleted
			m.now = m.now.Add(time.Hour)
			m.call(func() { m.Sweep(m.now) })
			for more := true; more; {
				m.call(func() { more = m.Step() })
			}
		}
		if n := m.objects.held; n > store.ObjectWeight {
			t.Errorf("%d bytes are kept in the end", n)
		}
		checkInvariants(t, m.State)
	}
}

// Thirty snapshots of one tree, which name each of its bytes many times, are
// taken, and another one is an edit like any.
func TestSnapshotsAreTaken(t *testing.T) {
	m := newMeter(t)
	anna := newPeer(t, 2, "anna")
	var files []catalog.File
	snapshot := func(n int) {
		for i := range 2000 {
			f := catalogtest.File(fmt.Sprintf("d%02d/e%d/%d", i%70, i%3, i), 0)
			f.Path, f.Size, f.Root, f.V1 = fmt.Sprintf("s%02d/%s", n, f.Path), 0, catalog.Hash{}, [20]byte{}
			files = append(files, f)
		}
	}
	for n := range 30 {
		snapshot(n)
	}
	bytes := 0
	share := func() catalog.Head {
		h := anna.share(files...)
		for _, o := range anna.objs {
			bytes += len(o)
		}
		return h
	}
	h := share()
	m.give(h)
	m.fetch(anna, h.Key)
	m.settle()
	bob := catalogtest.Identity(3)
	root := catalog.AppendShard(nil, []catalog.Item{{Name: "s00"}, {Name: "s30"}})
	m.give(signRoot(t, m.peer, 3, 1, catalog.HashObject(root)), root)
	order := m.Authors.authors[h.Key].order
	snapshot(30)
	h = share()
	before := m.Visits()
	m.give(h)
	m.fetch(anna, h.Key)
	m.settle()
	if n := m.Visits() - before; n > maxVisits {
		t.Errorf("one snapshot more costs %d visits", n)
	}
	if m.Authors.authors[h.Key].order != order || m.Authors.authors[h.Key].shown.Seq != h.Seq {
		t.Error("who shares snapshots is not shown, or new again")
	}
	for path, want := range map[string]catalog.Key{"s00": h.Key, "s30": bob.Key()} {
		if e, err := m.View().Lookup(path); err != nil || e.Member != want {
			t.Errorf("%s is %s's, %v", path, e.Member.Short(), err)
		}
	}
	t.Logf("%d files in %d bytes of catalogue", len(files), bytes)
}

// A full drive is levelled in steps too: who has most loses, who has little does
// not.
func TestFullDriveIsLevelledInSteps(t *testing.T) {
	m := newMeter(t)
	m.objects.limits.Drive = 500 << 10

	for n, files := range []int{100, 2500, 1500, 2600, 2700} {
		a := newPeer(t, 2+n, fmt.Sprint("a", n))
		list := catalogtest.Many(files)
		for i := range list {
			list[i].Path = fmt.Sprintf("%s of %d", list[i].Path, n)
		}
		h := a.share(list...)
		m.give(h)
		m.now = m.now.Add(time.Second)
		for again := true; again; {
			again = false
			for _, data := range a.objs {
				if m.Needs(catalog.HashObject(data)) {
					m.call(func() { m.PutObject(data, m.now) })
					again = true
				}
			}
			for more := true; more; {
				m.call(func() { more = m.Step() })
			}
		}
		checkInvariants(t, m.State)
		if m.objects.held > m.objects.limits.Drive {
			t.Errorf("%d bytes are held", m.objects.held)
		}
	}
	if _, ok := m.View().Member(catalogtest.Identity(2).Key()); !ok {
		t.Error("the smallest is gone")
	}
	if n := len(m.View().Members()); n < 2 || n > 3 {
		t.Errorf("%d members are shown", n)
	}
}

// A panic over one member's catalogue gives that one up, and no other.
func TestPanicGivesUpOneHead(t *testing.T) {
	m := newMeter(t)
	tree := func(i int) []byte { return catalog.AppendShard(nil, []catalog.Item{{Name: fmt.Sprint("f", i)}}) }
	for i := range 2 {
		m.give(signRoot(t, m.peer, 2+i, 1, catalog.HashObject(tree(i))), tree(i))
	}
	bad := signRoot(t, m.peer, 2, 2, catalog.HashObject(tree(5)))
	m.Apply(bad, m.now)
	m.PutObject(tree(5), m.now)
	for m.settler.now == nil {
		m.pace.left = 1
		m.advance()
	}
	m.settler.now.dirs = []*settledDir{nil} // planted
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		m.Step()
	}()
	if m.give(signRoot(t, m.peer, 3, 2, catalog.HashObject(tree(6))), tree(6)); m.Authors.Newer(bad.Key, bad.Seq) {
		t.Error("what set the panic off would be taken again")
	}
	wantLs(t, m.View(), "", "f0", "f6")
	checkInvariants(t, m.State)
}
