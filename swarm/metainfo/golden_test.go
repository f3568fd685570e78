package metainfo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"p2pfs/swarm/hashing"
)

// golden is what libtorrent says of a torrent.
type golden struct {
	Torrent  []byte // base 64 in JSON
	V1, V2   string
	Name     string
	Magnet   string
	Pieces   int
	Sizes    []int
	Private  bool
	Trackers [][]any
	Files    []goldenFile
}

type goldenFile struct {
	Path, Root, Link string
	Length, Offset   int64
	Pad, Exec        bool
}

// libtorrent runs testdata/golden.py. Without libtorrent the test fails where
// CI is set, and is skipped elsewhere.
func libtorrent(t *testing.T, command string, cases any) []golden {
	t.Helper()
	const python = "/usr/bin/python3"
	if out, err := exec.Command(python, "-c", "import libtorrent").CombinedOutput(); err != nil {
		msg := fmt.Sprintf("needs libtorrent (apt-get install python3-libtorrent): %v %s", err, out)
		if os.Getenv("CI") != "" {
			t.Fatal(msg)
		}
		t.Skip(msg)
	}
	in, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "testdata/golden.py", command)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("golden.py: %v\n%s", err, stderr.Bytes())
	}
	var list []golden
	if err := json.Unmarshal(out, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// goldenCase is a torrent to be made.
type goldenCase struct {
	Path     string   `json:"path"`
	Mode     string   `json:"mode"`
	Piece    int64    `json:"piece"`
	Files    [][]any  `json:"files,omitempty"`
	Private  bool     `json:"private"`
	Trackers []string `json:"trackers"`
}

// writeTree makes the files that torrents are made of: single files in the
// root, and a directory.
func writeTree(t *testing.T) (dir string, single []string) {
	t.Helper()
	dir = t.TempDir()
	write := func(name string, length int, mode os.FileMode) {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, testBytes(length, uint64(length)), mode); err != nil {
			t.Fatal(err)
		}
	}
	const piece = 64 << 10
	for _, n := range []int{
		1, 100, hashing.BlockSize - 1, hashing.BlockSize, hashing.BlockSize + 1, 2 * hashing.BlockSize, 3*hashing.BlockSize + 5, piece - 1, piece, piece + 1,
		2 * piece, 3*piece - hashing.BlockSize, 3*piece + 1, 5 * piece, 7*piece + 3*hashing.BlockSize, 17*piece + 100, 1<<20 + 12345,
	} {
		name := fmt.Sprintf("f%d", n)
		write(name, n, 0o644)
		single = append(single, name)
	}
	write("dir/a", piece+100, 0o644)
	write("dir/b/c.txt", 3*piece, 0o644)
	write("dir/b/c/d", 1, 0o644)
	write("dir/b.first", 40_000, 0o755)
	write("dir/empty", 0, 0o644)
	write("dir/name with blanks", hashing.BlockSize, 0o644)
	write("dir/z/größe 漢字", 200_000, 0o644)
	write("dir/z/same", piece+100, 0o644)
	write("dir/z/zero", 0, 0o644)
	return dir, single
}

func goldenCases(dir string, single []string) []goldenCase {
	var cases []goldenCase
	for _, mode := range []string{"v1", "v2", "hybrid"} {
		for _, name := range single {
			cases = append(cases, goldenCase{Path: filepath.Join(dir, name), Mode: mode, Piece: 64 << 10})
		}
		for _, piece := range []int64{16 << 10, 64 << 10, 1 << 20} {
			cases = append(cases, goldenCase{Path: filepath.Join(dir, "dir"), Mode: mode, Piece: piece})
		}
		cases = append(cases, goldenCase{Path: filepath.Join(dir, "f65537"), Mode: mode, Piece: 16 << 10, Private: true,
			Trackers: []string{"udp://127.0.0.1:1/announce", "udp://127.0.0.1:2/announce"}})
	}
	return cases
}

// TestGoldenParse reads torrents that libtorrent made.
func TestGoldenParse(t *testing.T) {
	dir, single := writeTree(t)
	cases := goldenCases(dir, single)
	for i, want := range libtorrent(t, "make", cases) {
		t.Run(fmt.Sprintf("%s/%s/%d", cases[i].Mode, filepath.Base(cases[i].Path), cases[i].Piece), func(t *testing.T) {
			m, err := Parse(want.Torrent)
			if err != nil {
				t.Fatal(err)
			}
			compareGolden(t, m, want)
			checkContent(t, m, filepath.Dir(cases[i].Path))
			g, err := ParseMagnet(want.Magnet)
			if err != nil || g.V1 != m.Info.HashV1 || g.V2 != m.Info.HashV2 || g.HasV1 != m.Info.V1 || g.HasV2 != m.Info.V2 {
				t.Errorf("magnet %s: got %+v, %v", want.Magnet, g, err)
			}
		})
	}
}

// compareGolden compares all that both know.
func compareGolden(t *testing.T, m *MetaInfo, want golden) {
	t.Helper()
	in := m.Info
	hex := func(ok bool, h fmt.Stringer) string {
		if !ok {
			return ""
		}
		return h.String()
	}
	if hex(in.V1, in.HashV1) != want.V1 || hex(in.V2, in.HashV2) != want.V2 {
		t.Errorf("got infohashes %v, %v, want %q, %q", in.HashV1, in.HashV2, want.V1, want.V2)
	}
	if in.Name != want.Name || in.Pieces.Count() != want.Pieces || in.Private != want.Private {
		t.Errorf("got %q, %d pieces, private %v, want %q, %d, %v",
			in.Name, in.Pieces.Count(), in.Private, want.Name, want.Pieces, want.Private)
	}
	for i, size := range want.Sizes { // pad files too
		if got := in.Pieces.Size(i) + in.Pieces.Pad(i); i < in.Pieces.Count() && in.V1 && got != size {
			t.Errorf("piece %d: got %d bytes, want %d", i, got, size)
		}
	}
	var trackers [][]any
	for tier, urls := range m.Trackers {
		trackers = append(trackers, []any{urls[0], float64(tier)})
	}
	if len(trackers)+len(want.Trackers) > 0 && !reflect.DeepEqual(trackers, want.Trackers) {
		t.Errorf("got trackers %v, want %v", trackers, want.Trackers)
	}
	if !in.V1 { // libtorrent has pad files in the gaps of version 2
		want.Files = slices.DeleteFunc(want.Files, func(f goldenFile) bool { return f.Pad })
	}
	if len(in.Files) != len(want.Files) {
		t.Fatalf("got %d files, want %d", len(in.Files), len(want.Files))
	}
	for i, f := range in.Files {
		w := want.Files[i]
		p := strings.Join(f.Path, "/")
		if !in.Single {
			p = in.Name + "/" + p
		}
		if f.Pad {
			p = w.Path
		}
		got := goldenFile{p, hex(in.V2, f.Root), w.Link, f.Length, f.Offset, f.Pad, f.Exec}
		if link := strings.Join(f.Symlink, "/"); link != "" {
			got.Link = in.Name + "/" + link
		}
		if f.Pad || f.Length == 0 { // positions of empty files mean nothing
			w.Root, got.Root = "", ""
			w.Offset = f.Offset
		}
		if !reflect.DeepEqual(got, w) {
			t.Errorf("file %d: got %+v, want %+v", i, got, w)
		}
	}
}

// checkContent verifies every piece of the files under dir in every version.
func checkContent(t *testing.T, m *MetaInfo, dir string) {
	t.Helper()
	in := m.Info
	if n := in.MissingLayers(m.Layers); n != nil {
		t.Errorf("layers of files %v are missing", n)
	}
	for i := range in.Pieces.Count() {
		var data []byte
		for _, s := range in.Pieces.Spans(i, 0, int64(in.Pieces.Size(i))) {
			f := in.Files[s.File]
			if f.Pad {
				data = append(data, make([]byte, s.Length)...)
				continue
			}
			name := filepath.Join(f.Path...)
			if !in.Single {
				name = filepath.Join(in.Name, name)
			}
			all, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			data = append(data, all[s.Offset:s.Offset+s.Length]...)
		}
		var blocks [][]byte
		for b := range in.Pieces.Blocks(i) {
			n := in.Pieces.BlockLen(i, b)
			blocks, data = append(blocks, data[:n]), data[n:]
		}
		if in.V1 && !in.VerifyPiece1(i, blocks) {
			t.Errorf("piece %d: SHA-1 differs", i)
		}
		if in.V2 {
			if want, ok := in.PieceHash2(m.Layers, i); !ok || !in.VerifyPiece2(i, want, blocks) {
				t.Errorf("piece %d: merkle root differs (known %v)", i, ok)
			}
		}
	}
}

// TestGoldenCreate makes the torrents that libtorrent makes. In version 1
// directories libtorrent's order is that of the disk: it is told ours.
func TestGoldenCreate(t *testing.T) {
	dir, single := writeTree(t)
	cases := goldenCases(dir, single)
	made := make([]*MetaInfo, len(cases))
	for i := range cases {
		c := &cases[i]
		opt := CreateOptions{V1: c.Mode != "v2", V2: c.Mode != "v1", PieceLength: c.Piece}
		opt.Private = c.Private
		for _, u := range c.Trackers {
			opt.Trackers = append(opt.Trackers, []string{u})
		}
		m, err := Create(context.Background(), c.Path, opt)
		if err != nil {
			t.Fatal(err)
		}
		made[i] = m
		if c.Mode == "v1" && !m.Info.Single {
			for _, f := range m.Info.Files {
				flags := 0
				if f.Exec {
					flags = 4
				}
				c.Files = append(c.Files, []any{strings.Join(append([]string{m.Info.Name}, f.Path...), "/"), f.Length, flags})
			}
		}
	}
	var torrents [][]byte
	for i, want := range libtorrent(t, "make", cases) {
		theirs, err := Parse(want.Torrent)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(made[i].Info.Raw, theirs.Info.Raw) {
			t.Errorf("%+v:\ngot  %q\nwant %q", cases[i], made[i].Info.Raw, theirs.Info.Raw)
		}
		if len(made[i].Layers)+len(theirs.Layers) > 0 && !reflect.DeepEqual(made[i].Layers, theirs.Layers) {
			t.Errorf("%+v: layers differ", cases[i])
		}
		data, err := made[i].Marshal()
		if err != nil {
			t.Fatal(err)
		}
		torrents = append(torrents, data)
	}
	for i, read := range libtorrent(t, "load", torrents) {
		compareGolden(t, made[i], read)
	}
}

// TestGoldenBuild has libtorrent read the pair that a shared file becomes.
func TestGoldenBuild(t *testing.T) {
	var torrents [][]byte
	var infos []*MetaInfo
	for _, n := range []int{1, hashing.BlockSize, 64 << 10, 64<<10 + 1, 1 << 20, 3<<20 + 17} {
		h, err := hashing.File(context.Background(), bytes.NewReader(testBytes(n, 9)), hashing.Config{PieceLength: PieceLength(int64(n)), Length: int64(n)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		one, err1 := BuildV1("name", h.Length, h.PieceLength, h.Pieces, Options{})
		two, err2 := BuildV2("name", h.Length, h.PieceLength, h.Root, Options{})
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		m := &MetaInfo{Info: two}
		if h.Layer != nil {
			m.Layers = Layers{h.Root: h.Layer}
		}
		infos = append(infos, &MetaInfo{Info: one}, m)
	}
	for _, m := range infos {
		data, err := m.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		torrents = append(torrents, data)
	}
	for i, read := range libtorrent(t, "load", torrents) {
		compareGolden(t, infos[i], read)
	}
}
