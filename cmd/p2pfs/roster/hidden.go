//go:build linux

package roster

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"
	"sync"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/durable"
)

// maxHidden bounds the members that are hidden.
const maxHidden = 100_000

// Hidden are the members of a drive whom this machine does not show, and
// how a restart knows them. Safe for concurrent use.
type Hidden struct {
	path string

	saving sync.Mutex // held by who writes the file, and locked before mu

	mu    sync.Mutex // guards what follows; held for moments, as a drive's loop asks
	by    map[catalog.Key]hiding
	dirty bool // somebody came back, and the file does not say so yet
}

// hiding is how a member is hidden: blocked until that is taken back, or else
// forgotten until he is connected, or has signed a newer head than seq.
type hiding struct {
	name    string // when he was hidden
	blocked bool
	seq     int64
}

// OpenHidden reads the list at path: key, "blocked" or the seq, and the name in
// quotes a line.
func OpenHidden(path string) (*Hidden, error) {
	h := &Hidden{path: path, by: map[catalog.Key]hiding{}}
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for line := range strings.Lines(string(data)) {
		f := strings.SplitN(strings.TrimSpace(line), " ", 3)
		if len(f) < 3 {
			continue
		}
		key, err := catalog.ParseKey(f[0])
		if err != nil {
			continue
		}
		w := hiding{blocked: f[1] == "blocked"}
		w.name, _ = strconv.Unquote(f[2])
		if w.seq, err = strconv.ParseInt(f[1], 10, 64); err == nil || w.blocked {
			h.by[key] = w
		}
	}
	return h, nil
}

// Hides is a drive.Hides. Of a forgotten member who comes back nothing is
// remembered.
func (h *Hidden) Hides(k catalog.Key, seq int64, connected bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	w, ok := h.by[k]
	if ok && !w.blocked && (connected || seq > w.seq) {
		delete(h.by, k)
		h.dirty = true
		return false
	}
	return ok
}

// set hides a member.
func (h *Hidden) set(k catalog.Key, w hiding) error { return h.change(k, &w) }

// show takes back that a member is blocked.
func (h *Hidden) show(k catalog.Key) error { return h.change(k, nil) }

// blocked are the members who are blocked.
func (h *Hidden) blocked() map[catalog.Key]hiding {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := maps.Clone(h.by)
	maps.DeleteFunc(all, func(_ catalog.Key, w hiding) bool { return !w.blocked })
	return all
}

// forgot reports whether a member is forgotten.
func (h *Hidden) forgot(k catalog.Key) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	w, ok := h.by[k]
	return ok && !w.blocked
}

// change hides a member, or with nil shows him, and writes the list, down to the
// disk: what a user has hidden is to stay so. After an error all is as before.
func (h *Hidden) change(k catalog.Key, w *hiding) error {
	h.saving.Lock()
	defer h.saving.Unlock()
	old, err := h.replace(k, w)
	if err == nil {
		err = h.save()
	}
	if err != nil {
		h.replace(k, old)
	}
	return err
}

// replace notes how a member is hidden, nil for not at all, and returns how he
// was.
func (h *Hidden) replace(k catalog.Key, w *hiding) (old *hiding, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if was, ok := h.by[k]; ok {
		old = &was
	}
	switch {
	case w == nil:
		delete(h.by, k)
	case old == nil && len(h.by) >= maxHidden:
		return nil, fmt.Errorf("%d members are hidden already", maxHidden)
	default:
		h.by[k] = *w
	}
	return old, nil
}

// Flush writes the list if it has changed by itself. It waits for the disk.
func (h *Hidden) Flush() error {
	h.saving.Lock()
	defer h.saving.Unlock()
	h.mu.Lock()
	dirty := h.dirty
	h.mu.Unlock()
	if !dirty {
		return nil
	}
	return h.save()
}

// save writes the list. saving is held, mu is not.
func (h *Hidden) save() error {
	var b strings.Builder
	h.mu.Lock()
	for k, w := range h.by {
		how := "blocked"
		if !w.blocked {
			how = strconv.FormatInt(w.seq, 10)
		}
		fmt.Fprintf(&b, "%v %s %q\n", k, how, w.name)
	}
	h.dirty = false
	h.mu.Unlock()
	err := durable.WriteFile(h.path, []byte(b.String()), 0o600)
	if err != nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.dirty = true
	}
	return err
}
