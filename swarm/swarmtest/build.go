package swarmtest

import (
	"crypto/sha1"
	"slices"
	"strconv"
	"strings"

	"p2pfs/swarm/bencode"
	"p2pfs/swarm/metainfo"
)

// builder makes an info dictionary, by the BEPs and not through metainfo's
// own makers, so that the two check one another.
type builder struct {
	spec  Spec
	files []File
	space []byte
	trees map[metainfo.Hash256]tree
}

func newBuilder(spec Spec) *builder {
	if spec.Kind == "" {
		spec.Kind = V1
	}
	if spec.PieceLength == 0 {
		spec.PieceLength = 64 << 10
	}
	b := &builder{spec: spec, files: slices.Clone(spec.Files), trees: make(map[metainfo.Hash256]tree)}
	if spec.Single {
		b.files[0].Path = spec.Name
	}
	if spec.Kind != V1 {
		// The order of a file tree: its keys sorted, at every level.
		slices.SortFunc(b.files, func(x, y File) int {
			return slices.Compare(strings.Split(x.Path, "/"), strings.Split(y.Path, "/"))
		})
	}
	return b
}

// info returns the raw info dictionary, and fills in space and trees.
func (b *builder) info() ([]byte, error) {
	d := map[string]any{"name": b.spec.Name, "piece length": b.spec.PieceLength}
	b.layOut(d)
	if b.spec.Kind != V1 {
		d["meta version"] = 2
		d["file tree"] = b.fileTree()
	}
	if b.spec.Kind != V2 {
		d["pieces"] = string(b.pieces())
	}
	return bencode.Marshal(d)
}

// layOut puts the files into piece space, and with a version 1 half their
// list into d.
func (b *builder) layOut(d map[string]any) {
	var list []any
	for i, f := range b.files {
		b.space = append(b.space, f.Data...)
		list = append(list, map[string]any{"length": len(f.Data), "path": strings.Split(f.Path, "/")})
		gap := -len(b.space) & (b.spec.PieceLength - 1)
		if b.spec.Kind == V1 || gap == 0 || !b.dataAfter(i) {
			continue
		}
		b.space = append(b.space, make([]byte, gap)...)
		pad := map[string]any{"attr": "p", "length": gap, "path": []string{".pad", strconv.Itoa(gap)}}
		list = append(list, pad)
	}
	if b.spec.Kind == V2 {
		return
	}
	if b.spec.Single {
		d["length"] = len(b.space)
	} else {
		d["files"] = list
	}
}

// dataAfter reports whether a file behind the i-th has any bytes.
func (b *builder) dataAfter(i int) bool {
	return slices.ContainsFunc(b.files[i+1:], func(f File) bool { return len(f.Data) > 0 })
}

// pieces returns the SHA-1s of the pieces, end to end.
func (b *builder) pieces() (hashes []byte) {
	for piece := range slices.Chunk(b.space, b.spec.PieceLength) {
		sum := sha1.Sum(piece)
		hashes = append(hashes, sum[:]...)
	}
	return hashes
}

// fileTree returns the "file tree" of BEP 52, and remembers the merkle trees.
func (b *builder) fileTree() map[string]any {
	root := make(map[string]any)
	for _, f := range b.files {
		dir := root
		parts := strings.Split(f.Path, "/")
		for _, name := range parts[:len(parts)-1] {
			next, ok := dir[name].(map[string]any)
			if !ok {
				next = make(map[string]any)
				dir[name] = next
			}
			dir = next
		}
		leaf := map[string]any{"length": len(f.Data)}
		if len(f.Data) > 0 {
			tree := newTree(f.Data)
			hash := tree.root()
			b.trees[hash] = tree
			leaf["pieces root"] = string(hash[:])
		}
		dir[parts[len(parts)-1]] = map[string]any{"": leaf}
	}
	return root
}
