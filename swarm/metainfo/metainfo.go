package metainfo

import (
	"bytes"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"p2pfs/swarm/bencode"
	"p2pfs/swarm/hashing"
)

// Limits of what is kept of a .torrent or a magnet; more is dropped silently.
const (
	MaxTrackers = 20   // of a torrent, over all tiers
	MaxURL      = 2048 // bytes of a tracker's or web seed's URL
	maxText     = 4096 // bytes of a comment
	maxSeeds    = 100  // web seeds
)

// ErrMetaInfo is the cause of every refusal by Parse that does not lie in the
// info dictionary.
var ErrMetaInfo = errors.New("bad metainfo")

// MetaInfo is the content of a .torrent file.
type MetaInfo struct {
	Info   *Info
	Layers Layers // those that were there; see Info.MissingLayers

	// Trackers are URLs in tiers (BEP 12), not looked at beyond their length:
	// whoever announces decides which it can use. Each is there once.
	Trackers  [][]string
	Comment   string
	CreatedBy string
	Created   time.Time // zero: not said
	URLList   []string  // web seeds (BEP 19)
}

// Parse reads a .torrent file. It refuses what is not canonical, info
// dictionaries that ParseInfo refuses, and piece layers that do not match
// their roots; layers may be missing. Keys beside the info dictionary that
// merely describe are dropped where they make no sense.
func Parse(data []byte) (*MetaInfo, error) {
	lim := infoLimits
	lim.Depth++
	c, err := bencode.NewCursor(data, lim)
	if err != nil {
		return nil, err
	}
	r := reader{c: c, m: &MetaInfo{}}
	if err := c.Dict(r.key); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMetaInfo, err)
	}
	if r.info == nil {
		return nil, fmt.Errorf("%w: no info dictionary", ErrMetaInfo)
	}
	if r.m.Trackers == nil && r.announce != "" {
		r.m.Trackers = [][]string{{r.announce}}
	}
	if r.m.Info, err = parseChecked(bytes.Clone(r.info)); err != nil {
		return nil, err
	}
	if err := r.m.readLayers(r.layers); err != nil {
		return nil, err
	}
	return r.m, nil
}

// reader goes through a .torrent file.
type reader struct {
	c        *bencode.Cursor
	m        *MetaInfo
	announce string
	info     []byte
	layers   *bencode.Cursor
}

func (r *reader) key(key []byte) error {
	switch string(key) {
	case "announce":
		r.announce = readText(r.c, MaxURL)
	case "announce-list":
		r.m.Trackers = readTiers(r.c)
	case "comment":
		r.m.Comment = readText(r.c, maxText)
	case "created by":
		r.m.CreatedBy = readText(r.c, maxText)
	case "creation date":
		r.m.Created = readTime(r.c)
	case "info":
		r.info = r.c.Raw()
	case "piece layers":
		r.layers = r.c.Sub()
	case "url-list":
		r.m.URLList = readURLs(r.c)
	}
	return nil
}

// readLayers checks "piece layers" and keeps them.
func (m *MetaInfo) readLayers(c *bencode.Cursor) error {
	if c == nil || !m.Info.V2 {
		return nil
	}
	m.Layers = Layers{}
	err := c.Dict(func(key []byte) error {
		value, err := c.Bytes()
		if err != nil {
			return err
		}
		hashes, ok := hashing.SplitHashes(value)
		if !ok || len(key) != 32 {
			return fmt.Errorf("a layer of %d bytes under a root of %d", len(value), len(key))
		}
		root := Hash256(key)
		// A file of at most a piece needs no layer: what stands there is
		// not looked at.
		if f, ok := m.Info.FileByRoot(root); ok && m.Info.Files[f].Length <= m.Info.PieceLength {
			return nil
		}
		if err := m.Info.CheckLayer(root, hashes); err != nil {
			return err
		}
		m.Layers[root] = hashes
		return nil
	})
	if err != nil {
		return fmt.Errorf("%w: piece layers: %w", ErrMetaInfo, err)
	}
	return nil
}

// readText reads a string; anything else, or what is too long or not UTF-8,
// is "".
func readText(c *bencode.Cursor, limit int) string {
	if c.Kind() != bencode.String {
		return ""
	}
	b, _ := c.Bytes()
	if len(b) > limit || !utf8.Valid(b) {
		return ""
	}
	return string(b)
}

func readTime(c *bencode.Cursor) time.Time {
	if c.Kind() != bencode.Int {
		return time.Time{}
	}
	sec, _ := c.Int()
	if sec <= 0 || sec > 1<<40 {
		return time.Time{}
	}
	return time.Unix(sec, 0)
}

// tierList gathers tracker URLs: each once, no empty ones, no empty tiers,
// and none beyond MaxTrackers.
type tierList struct {
	tiers [][]string
	open  bool // the last tier still grows
	seen  map[string]bool
}

// next begins a tier.
func (t *tierList) next() { t.open = false }

func (t *tierList) add(url string) {
	if url == "" || len(t.seen) >= MaxTrackers || t.seen[url] {
		return
	}
	if t.seen == nil {
		t.seen = map[string]bool{}
	}
	t.seen[url] = true
	if !t.open {
		t.open = true
		t.tiers = append(t.tiers, nil)
	}
	last := len(t.tiers) - 1
	t.tiers[last] = append(t.tiers[last], url)
}

// limitTiers returns tiers as a tierList keeps them.
func limitTiers(tiers [][]string) [][]string {
	var t tierList
	for _, tier := range tiers {
		t.next()
		for _, u := range tier {
			t.add(u)
		}
	}
	return t.tiers
}

// readTiers reads announce-list: lists of URLs, and bare URLs as they are
// seen in the wild. It returns nil if there is none, so that "announce"
// counts.
func readTiers(c *bencode.Cursor) [][]string {
	var t tierList
	c.List(func() error {
		t.next()
		if c.Kind() != bencode.List {
			t.add(readText(c, MaxURL))
			return nil
		}
		return c.List(func() error {
			t.add(readText(c, MaxURL))
			return nil
		})
	})
	return t.tiers
}

// readURLs reads url-list: a list, or one string.
func readURLs(c *bencode.Cursor) []string {
	var urls []string
	add := func() {
		if u := readText(c, MaxURL); u != "" && len(urls) < maxSeeds {
			urls = append(urls, u)
		}
	}
	if c.Kind() == bencode.String {
		add()
		return urls
	}
	c.List(func() error { add(); return nil })
	return urls
}

// Marshal returns the .torrent file. The info dictionary goes into it as it
// stands; the piece layers are those in Layers that the torrent needs.
func (m *MetaInfo) Marshal() ([]byte, error) {
	dict := map[string]any{"info": bencode.RawMessage(m.Info.Raw)}
	tiers := limitTiers(m.Trackers)
	if len(tiers) > 0 {
		dict["announce"] = tiers[0][0]
		if len(tiers) > 1 || len(tiers[0]) > 1 {
			dict["announce-list"] = tiers
		}
	}
	if m.Comment != "" {
		dict["comment"] = m.Comment
	}
	if m.CreatedBy != "" {
		dict["created by"] = m.CreatedBy
	}
	if !m.Created.IsZero() {
		dict["creation date"] = m.Created.Unix()
	}
	if len(m.URLList) > 0 {
		dict["url-list"] = m.URLList
	}
	if m.Info.V2 {
		layers := map[string]string{}
		for root, hashes := range m.Layers {
			if err := m.Info.CheckLayer(root, hashes); err != nil {
				return nil, err
			}
			layers[string(root[:])] = string(hashing.JoinHashes(hashes))
		}
		dict["piece layers"] = layers
	}
	return bencode.Marshal(dict)
}
