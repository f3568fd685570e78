package union

import "p2pfs/swarm/catalog"

// Named is what an entry of a file says of the file itself, wherever it stands.
type Named struct {
	Name string // the last component of its path
	Size int64  // bytes, more than 0
	Root catalog.Hash
	V1   [20]byte // zero: not told
}

// EachFile calls f with the files that are not empty of all catalogues that v
// shows. Each object is looked into once, however many directories are it: so
// the work is bounded by the bytes of the objects, not by the paths that they
// make. Objects in known are passed over, and those looked into are added: with
// the same known a later view costs what is new in it. It reads from disk;
// ErrGone, wrapped, if v is an old view.
func (v *View) EachFile(known map[catalog.Hash]struct{}, f func(Named)) (err error) {
	var pending, seen []catalog.Hash
	defer func() {
		if err != nil { // what is below them may not have been gone through
			for _, h := range seen {
				delete(known, h)
			}
		}
	}()
	push := func(h catalog.Hash) {
		if _, ok := known[h]; !ok && h != catalog.EmptyHash {
			pending = append(pending, h)
		}
	}
	for _, m := range v.members {
		push(m.Summary.Root)
		for len(pending) > 0 {
			h := pending[len(pending)-1]
			pending = pending[:len(pending)-1]
			if _, ok := known[h]; ok {
				continue // there were two of it
			}
			data, err := v.store.Object(h)
			if err != nil {
				return err
			}
			o, err := catalog.DecodeObject(data)
			if err != nil {
				return err
			}
			known[h] = struct{}{}
			seen = append(seen, h)
			for i := range o.Kids {
				push(o.Kids[i].Hash)
			}
			for i := range o.Items {
				switch it := &o.Items[i]; {
				case it.Kind == catalog.KindDir:
					push(it.Root)
				case it.Kind == catalog.KindFile && it.Size > 0:
					f(Named{it.Name, it.Size, it.Root, it.V1})
				}
			}
		}
	}
	return nil
}
