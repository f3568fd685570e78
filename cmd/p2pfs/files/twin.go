//go:build linux

package files

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"p2pfs/cache"
	"p2pfs/swarm"
	"p2pfs/swarm/durable"
	"p2pfs/swarm/guard"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/held"
	"p2pfs/swarm/metainfo"
)

// maxTwins bounds the twins that are known, also after a restart.
const maxTwins = 10_000

// maxClaimed bounds the contents that one v1 infohash is said to be of.
const maxClaimed = 4

// errTwins is a shared file whose v1 and v2 hashes are of different bytes.
var errTwins = errors.New("the v1 torrent of this file has other bytes than its v2 torrent")

// A twin is the v1 torrent of a file that another member shares: what ordinary
// clients hold. Its pieces are those of the v2 torrent, and kept in the cache
// under their v2 hash, so that what comes of either counts for both. Fields
// but those that mu guards are immutable.
type twin struct {
	ts   *Twins
	name string // the torrents' base name
	Of   metainfo.Content
	v1   metainfo.Hash
	info *metainfo.Info // of version 2
	turn chan struct{}  // room for one: who fetches all of it

	mu     sync.Mutex         // guards what follows
	roots  []metainfo.Hash256 // of pieces that came before the piece layer was known
	came   time.Time          // when a piece last came
	broken bool               // errTwins
}

// Twins are the twins of files that were opened here, by v1 infohash, and how
// a restart knows them. Safe for concurrent use.
type Twins struct {
	Client      func() *swarm.Client
	Holdings    *Holdings
	Cache       *cache.Store
	Trackers    func() []string
	ReadTimeout time.Duration
	Guard       *guard.Guard
	Log         *slog.Logger
	Ctx         context.Context // ends when nothing more is to be made

	path     string
	Later    *durable.Later // writes the file
	unproven unproven

	mu   sync.Mutex                // guards what follows
	byV1 map[metainfo.Hash][]*twin // whoever publishes one may say of which content it is
	byV2 map[metainfo.Hash]*twin
}

// Load reads the file in a state directory: a twin a line.
func (ts *Twins) Load(state string) error {
	ts.path, ts.Later = filepath.Join(state, "twins"), durable.NewLater(ts.Log)
	ts.byV1, ts.byV2 = map[metainfo.Hash][]*twin{}, map[metainfo.Hash]*twin{}
	data, err := os.ReadFile(ts.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	lines := strings.Split(string(data), "\n")
	for _, line := range lines[max(0, len(lines)-maxTwins):] {
		t := &twin{ts: ts}
		if t.parse(line) == nil {
			ts.keep(t)
		}
	}
	return nil
}

// parse reads a line of the file.
func (t *twin) parse(line string) (err error) {
	f := strings.SplitN(line, " ", 4)
	if len(f) < 4 {
		return errors.New("not a twin")
	}
	if t.v1, err = hashing.ParseHash(f[0]); err != nil {
		return err
	}
	if t.Of.Root, err = hashing.ParseHash256(f[1]); err != nil {
		return err
	}
	if t.Of.Size, err = strconv.ParseInt(f[2], 10, 64); err != nil {
		return err
	}
	if t.name, err = strconv.Unquote(f[3]); err != nil {
		return err
	}
	return t.build()
}

// build makes the v2 metadata.
func (t *twin) build() (err error) {
	t.turn = make(chan struct{}, 1)
	t.info, err = metainfo.BuildV2(t.name, t.Of.Size, metainfo.PieceLength(t.Of.Size), t.Of.Root, metainfo.Options{})
	return err
}

// keep enters a twin, in place of another one where there are too many. mu is
// held, or nobody else knows ts.
func (ts *Twins) keep(t *twin) {
	if same := ts.byV2[t.info.HashV2.Short()]; same != nil {
		ts.drop(same)
	}
	if same := ts.byV1[t.v1]; len(same) >= maxClaimed {
		ts.drop(same[0])
	}
	for _, old := range ts.byV2 {
		if len(ts.byV2) < maxTwins {
			break
		}
		ts.drop(old)
	}
	ts.byV1[t.v1] = append(ts.byV1[t.v1], t)
	ts.byV2[t.info.HashV2.Short()] = t
}

// drop forgets a twin. mu is held.
func (ts *Twins) drop(t *twin) {
	rest := slices.DeleteFunc(slices.Clone(ts.byV1[t.v1]), func(x *twin) bool { return x == t })
	if ts.byV1[t.v1] = rest; len(rest) == 0 {
		delete(ts.byV1, t.v1)
	}
	if v2 := t.info.HashV2.Short(); ts.byV2[v2] == t {
		delete(ts.byV2, v2)
	}
}

// Of returns the twin of a file, nil if its member told no v1 infohash.
func (ts *Twins) Of(name string, c metainfo.Content, v1 metainfo.Hash) *twin {
	if v1.IsZero() || c.Size == 0 {
		return nil
	}
	t, isNew := ts.find(name, c, v1)
	if isNew {
		ts.Later.Put(ts.path, ts.text)
	}
	return t
}

// find returns the twin, nil if there can be none, and whether it was made.
func (ts *Twins) find(name string, c metainfo.Content, v1 metainfo.Hash) (t *twin, isNew bool) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for _, t := range ts.byV1[v1] {
		if t.Of == c && t.name == name {
			return t, false
		}
	}
	t = &twin{ts: ts, name: name, Of: c, v1: v1}
	if err := t.build(); err != nil {
		return nil, false
	}
	ts.keep(t)
	return t, true
}

// text is the file as it is to be: the twins that are known.
func (ts *Twins) text() ([]byte, error) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	var b []byte
	for _, t := range ts.byV2 {
		b = append(b, t.line()...)
	}
	return b, nil
}

// line is what parse reads, with its end.
func (t *twin) line() string {
	return fmt.Sprintf("%v %v %d %q\n", t.v1, t.Of.Root, t.Of.Size, t.name)
}

// with returns the twins of that v1 infohash, one for each content that it is
// said to be of.
func (ts *Twins) with(v1 metainfo.Hash) []*twin {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return slices.Clone(ts.byV1[v1])
}

// Lost tells the v1 torrent that a piece of its v2 twin left the cache.
func (ts *Twins) Lost(v2 metainfo.Hash, piece int) {
	ts.mu.Lock()
	t := ts.byV2[v2]
	ts.mu.Unlock()
	if t == nil {
		return
	}
	if v1 := ts.Client().Torrent(t.v1); v1 != nil {
		v1.Evicted(piece)
	}
}

// pieceRoot is the v2 hash of a piece, as far as it is known.
func (t *twin) pieceRoot(piece int) (metainfo.Hash256, bool) {
	if h, ok := t.info.PieceHash2(t.ts.Holdings.Index.Layers(t.Of), piece); ok {
		return h, true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.roots == nil || t.roots[piece].IsZero() {
		return metainfo.Hash256{}, false
	}
	return t.roots[piece], true
}

// layered reports whether pieces can be verified one by one.
func (t *twin) layered() bool {
	_, ok := t.info.PieceHash2(t.ts.Holdings.Index.Layers(t.Of), 0)
	return ok
}

// whole reports whether every piece is in the cache.
func (t *twin) whole() bool {
	layers := t.ts.Holdings.Index.Layers(t.Of)
	for i := range t.info.Pieces.Count() {
		if h, ok := t.info.PieceHash2(layers, i); !ok || !t.ts.Holdings.Index.Has(held.RootKey(h), t.info.Pieces.Size(i)) {
			return false
		}
	}
	return true
}
