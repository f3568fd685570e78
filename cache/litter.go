package cache

import "sync"

// sweepMax bounds the old faults that one Put tries to mend.
const sweepMax = 8

// litter is the keys of files that could not be removed.
type litter struct {
	faults *faultLog

	mu   sync.Mutex
	keys map[Key]struct{} // guarded by mu
}

// remove removes one of k's two files, or remembers to do so later. k is claimed.
func (l *litter) remove(dir directory, k Key, name string) {
	err := dir.Remove(name)
	if err == nil || isNotExist(err) {
		return
	}
	l.faults.note("remove", err)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.keys == nil {
		l.keys = map[Key]struct{}{}
	}
	l.keys[k] = struct{}{}
}

// some takes the keys of at most sweepMax such files.
func (l *litter) some() (keys []Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for k := range l.keys {
		if len(keys) == sweepMax {
			break
		}
		keys = append(keys, k)
		delete(l.keys, k)
	}
	return keys
}

// put brings back a key that could not be seen to now.
func (l *litter) put(k Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keys[k] = struct{}{}
}

// sweep tries again to remove what could not be removed before.
func (l *litter) sweep(t *table, dir directory) {
	for _, k := range l.some() {
		there, ok := t.tryClaim(k)
		if !ok {
			l.put(k)
			continue
		}
		l.remove(dir, k, pathName(k)+tmpSuffix)
		if !there {
			l.remove(dir, k, pathName(k))
		}
		t.unclaim(k)
	}
}
