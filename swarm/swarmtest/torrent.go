package swarmtest

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/wire"
)

// Kind is a torrent's version.
type Kind string

// The kinds of torrents.
const (
	V1     Kind = "v1"     // BEP 3
	V2     Kind = "v2"     // BEP 52
	Hybrid Kind = "hybrid" // both, with pad files (BEP 47)
)

// Kinds are all of them, for tests that go through them.
var Kinds = []Kind{V1, V2, Hybrid}

// File is a file of a torrent that is to be made.
type File struct {
	Path string // under the torrent's root, slash separated; ignored for a single file
	Data []byte
}

// Spec says what torrent Make is to make.
type Spec struct {
	Kind        Kind // default V1
	Name        string
	PieceLength int    // bytes; default 64 KiB
	Files       []File // in v1 in this order, else sorted by path
	Single      bool   // one file, and no directory around it
	Trackers    []string
}

// Torrent is a torrent with its payload, all in memory and never changed.
type Torrent struct {
	Meta  *metainfo.MetaInfo
	Info  *metainfo.Info // of Meta
	Files []File         // as the torrent has them in order
	// Space is the payload in piece space: files, pad files and the gaps
	// behind files, as one run of bytes.
	Space []byte

	trees map[metainfo.Hash256]tree // v2: by pieces root
}

// MakeFile makes a torrent of a single file of size random bytes, named name.
func MakeFile(t testing.TB, kind Kind, name string, size, pieceLength int) *Torrent {
	t.Helper()
	return Make(t, Spec{
		Kind: kind, Name: name, PieceLength: pieceLength, Single: true,
		Files: []File{{Path: name, Data: Bytes(uint64(size)+uint64(len(name))<<40, size)}},
	})
}

// Make builds a torrent.
func Make(t testing.TB, spec Spec) *Torrent {
	t.Helper()
	b := newBuilder(spec)
	raw, err := b.info()
	if err != nil {
		t.Fatalf("swarmtest: info dictionary: %v", err)
	}
	info, err := metainfo.ParseInfo(raw)
	if err != nil {
		t.Fatalf("swarmtest: info dictionary %.200q: %v", raw, err)
	}
	tor := &Torrent{Info: info, Files: b.files, Space: b.space, trees: b.trees}
	tor.Meta = &metainfo.MetaInfo{Info: info, Layers: tor.Layers()}
	for _, tracker := range spec.Trackers {
		tor.Meta.Trackers = append(tor.Meta.Trackers, []string{tracker})
	}
	return tor
}

// Layers returns the piece layers of the files that have one, by pieces root.
func (tor *Torrent) Layers() metainfo.Layers {
	layers := make(metainfo.Layers)
	for root, tree := range tor.trees {
		if l := tree.layer(int(tor.Info.PieceLength) / hashing.BlockSize); len(l) > 1 {
			layers[root] = l
		}
	}
	return layers
}

// Piece returns the bytes of a piece that peers are asked for.
func (tor *Torrent) Piece(i int) []byte {
	start := i * int(tor.Info.PieceLength)
	return tor.Space[start : start+tor.Info.Pieces.Size(i)]
}

// serves reports whether a block may be asked for: within its piece, or, in
// v2, in the zeros behind a file's end up to the piece length. Those are not
// hashed and nobody needs them, but libtorrent up to 2.0.12 asks for whole
// blocks there, and takes nothing shorter.
func (tor *Torrent) serves(b wire.Block) bool {
	if b.Index >= tor.Info.Pieces.Count() {
		return false
	}
	if tor.Info.V2 && !tor.Info.V1 {
		return b.Begin < tor.Info.Pieces.Size(b.Index) && b.Begin+b.Length <= int(tor.Info.PieceLength)
	}
	return tor.Info.Pieces.CheckBlock(int64(b.Index), int64(b.Begin), int64(b.Length))
}

// InfoHash returns the infohash to dial with: version 2 where there is one.
func (tor *Torrent) InfoHash() [20]byte {
	hashes := tor.Info.InfoHashes()
	return hashes[len(hashes)-1]
}

// Encode returns the .torrent file.
func (tor *Torrent) Encode(t testing.TB) []byte {
	t.Helper()
	data, err := tor.Meta.Marshal()
	if err != nil {
		t.Fatalf("swarmtest: .torrent: %v", err)
	}
	return data
}

// WriteTorrent writes the .torrent file into dir and returns its path.
func (tor *Torrent) WriteTorrent(t testing.TB, dir string) string {
	t.Helper()
	path := filepath.Join(dir, strings.ReplaceAll(tor.Info.Name, "/", "_")+".torrent")
	write(t, path, tor.Encode(t))
	return path
}

// path returns where a file stands under the directory that clients are told.
func (tor *Torrent) path(dir string, f File) string {
	if tor.Info.Single {
		return filepath.Join(dir, tor.Info.Name)
	}
	return filepath.Join(dir, tor.Info.Name, filepath.FromSlash(f.Path))
}

// WritePayload writes the files where clients look for them under dir.
func (tor *Torrent) WritePayload(t testing.TB, dir string) {
	t.Helper()
	for _, f := range tor.Files {
		write(t, tor.path(dir, f), f.Data)
	}
}

// CheckPayload reports an error for each file under dir that is not what
// WritePayload writes.
func (tor *Torrent) CheckPayload(t testing.TB, dir string) {
	t.Helper()
	for _, f := range tor.Files {
		got, err := os.ReadFile(tor.path(dir, f))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(got, f.Data) {
			t.Errorf("%s: %d bytes, want %d; first difference at %d", f.Path, len(got), len(f.Data), differ(got, f.Data))
		}
	}
}

// differ returns the first index at which a and b differ.
func differ(a, b []byte) int {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	return i
}

// Magnet returns a magnet link with all infohashes, trackers and peers.
func (tor *Torrent) Magnet(peers ...string) string {
	m := metainfo.Magnet{
		V1: tor.Info.HashV1, HasV1: tor.Info.V1, V2: tor.Info.HashV2, HasV2: tor.Info.V2,
		Name: tor.Info.Name, Trackers: slices.Concat(tor.Meta.Trackers...), Peers: peers,
	}
	return m.String()
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
