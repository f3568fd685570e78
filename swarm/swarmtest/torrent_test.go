package swarmtest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
)

// someFiles are files of lengths that make edges, for pieces of 64 KiB.
func someFiles() []File {
	var files []File
	for i, n := range []int{1, 0, 16 << 10, 64 << 10, 64<<10 + 1, 300_000} {
		files = append(files, File{Path: fmt.Sprintf("d%d/f%d", i%2, i), Data: Bytes(uint64(i), n)})
	}
	return files
}

func TestBytes(t *testing.T) {
	a, b := Bytes(1, 100_000), Bytes(1, 200_000)
	if !bytes.Equal(a, b[:len(a)]) {
		t.Error("the same seed gives other bytes")
	}
	if bytes.Equal(a, Bytes(2, len(a))) {
		t.Error("another seed gives the same bytes")
	}
}

// TestTorrentsVerify checks what is made here against metainfo.
func TestTorrentsVerify(t *testing.T) {
	specs := []Spec{
		{Name: "one", Single: true, Files: []File{{Data: Bytes(1, 1)}}},
		{Name: "block", Single: true, Files: []File{{Data: Bytes(1, 16<<10)}}},
		{Name: "piece", Single: true, Files: []File{{Data: Bytes(1, 64<<10)}}},
		{Name: "odd", Single: true, Files: []File{{Data: Bytes(1, 300_001)}}},
		{Name: "small pieces", Single: true, PieceLength: 16 << 10, Files: []File{{Data: Bytes(1, 100_000)}}},
		{Name: "many", Files: someFiles()},
	}
	for _, spec := range specs {
		for _, spec.Kind = range Kinds {
			t.Run(spec.Name+" "+string(spec.Kind), func(t *testing.T) {
				tor := Make(t, spec)
				if tor.Info.V1 != (spec.Kind != V2) || tor.Info.V2 != (spec.Kind != V1) {
					t.Fatalf("versions %v %v", tor.Info.V1, tor.Info.V2)
				}
				for i := range tor.Info.Pieces.Count() {
					verify(t, tor, i)
				}
				back, err := metainfo.Parse(tor.Encode(t))
				if err != nil || !bytes.Equal(back.Info.Raw, tor.Info.Raw) {
					t.Errorf("the .torrent does not come back: %v", err)
				}
				if m, err := metainfo.ParseMagnet(tor.Magnet("127.0.0.1:1")); err != nil || m.V1 != tor.Info.HashV1 || m.V2 != tor.Info.HashV2 {
					t.Errorf("magnet %s: %+v, %v", tor.Magnet(), m, err)
				}
			})
		}
	}
}

func verify(t *testing.T, tor *Torrent, i int) {
	t.Helper()
	blocks := slices.Collect(slices.Chunk(tor.Piece(i), hashing.BlockSize))
	if tor.Info.V1 && !tor.Info.VerifyPiece1(i, blocks) {
		t.Errorf("piece %d: SHA-1 differs", i)
	}
	if tor.Info.V2 {
		want, ok := tor.Info.PieceHash2(tor.Layers(), i)
		if !ok || !tor.Info.VerifyPiece2(i, want, blocks) {
			t.Errorf("piece %d: merkle root differs", i)
		}
	}
}

func TestSpansAreTheFiles(t *testing.T) {
	for _, kind := range Kinds {
		tor := Make(t, Spec{Kind: kind, Name: "many", Files: someFiles()})
		got := make(map[string][]byte)
		for i := range tor.Info.Pieces.Count() {
			at := 0
			for _, span := range tor.Info.Pieces.Spans(i, 0, int64(tor.Info.Pieces.Size(i))) {
				f := tor.Info.Files[span.File]
				if !f.Pad {
					name := fmt.Sprint(f.Path)
					got[name] = append(got[name], tor.Piece(i)[at:at+int(span.Length)]...)
				}
				at += int(span.Length)
			}
		}
		for _, f := range tor.Files {
			name := fmt.Sprint(strings.Split(f.Path, "/"))
			if !bytes.Equal(got[name], f.Data) {
				t.Errorf("%s: %s: %d bytes, want %d", kind, f.Path, len(got[name]), len(f.Data))
			}
		}
	}
}

func TestWriteAndCheckPayload(t *testing.T) {
	dir := t.TempDir()
	tor := Make(t, Spec{Name: "many", Files: someFiles()})
	tor.WritePayload(t, dir)
	tor.CheckPayload(t, dir)
	if path := tor.WriteTorrent(t, dir); path != dir+"/many.torrent" {
		t.Errorf("got %s", path)
	}
}

// TestAnswersProve checks the hashes and uncles that trees answer with, by
// hashing up from them to the root.
func TestAnswersProve(t *testing.T) {
	for _, blocks := range []int{1, 2, 3, 5, 8, 21} {
		tree := newTree(Bytes(9, blocks*hashing.BlockSize-7))
		height := len(tree.levels) - 1
		for base := range height {
			for length := 2; length <= len(tree.levels[base]); length *= 2 {
				for index := 0; index < len(tree.levels[base]); index += length {
					r := hashing.HashRequest{BaseLayer: base, Index: index, Length: length, ProofLayers: height - base - 1}
					hashes, uncles, ok := tree.answer(r)
					if !ok || len(hashes) != length || len(uncles) != r.Uncles() {
						t.Fatalf("%d blocks, %+v: %d hashes, %d uncles, %v", blocks, r, len(hashes), len(uncles), ok)
					}
					root := hashing.Root(hashes, length)
					for i, u := range uncles {
						if (index/length)>>i&1 == 0 {
							root = hashing.Root([]metainfo.Hash256{root, u}, 2)
						} else {
							root = hashing.Root([]metainfo.Hash256{u, root}, 2)
						}
					}
					if root != tree.root() {
						t.Errorf("%d blocks, %+v: does not lead to the root", blocks, r)
					}
				}
			}
		}
	}
}

func TestAnswerRefuses(t *testing.T) {
	tree := newTree(Bytes(9, 4*hashing.BlockSize))
	for _, r := range []hashing.HashRequest{
		{BaseLayer: 3, Length: 2}, {BaseLayer: 0, Index: 4, Length: 2}, {BaseLayer: 0, Length: 8}, {Length: 2, ProofLayers: 2},
	} {
		if h, u, ok := tree.answer(r); ok {
			t.Errorf("%+v: got %v, %v", r, h, u)
		}
	}
}
