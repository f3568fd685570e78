package metainfo

import (
	"sort"

	"p2pfs/swarm/hashing"
)

// Pieces is how the files of a torrent lie in pieces, and pieces in blocks. It
// is immutable.
type Pieces struct {
	length int64  // bytes of each but the last
	files  []File // in the order of piece space, pad files too
	v1, v2 bool
	count  int
	end    int64  // of the last file in piece space
	sums   []byte // version 1: 20 bytes each
}

// newPieces returns the pieces of files. It refuses too many of them, and sums
// that are not theirs.
func newPieces(length int64, files []File, v1, v2 bool, sums []byte) (Pieces, error) {
	p := Pieces{length: length, files: files, v1: v1, v2: v2, sums: sums}
	if n := len(files); n > 0 {
		p.end = files[n-1].Offset + files[n-1].Length
	}
	n := ceilDiv(p.end, length)
	if n > MaxPieces {
		return p, badInfo("%d pieces, more than %d", n, MaxPieces)
	}
	p.count = int(n)
	if v1 && int64(len(sums)) != 20*n {
		return p, badInfo("pieces: %d bytes for %d pieces", len(sums), n)
	}
	return p, nil
}

// Count returns the number of pieces. It is 0 for a torrent of nothing but
// empty files.
func (p *Pieces) Count() int { return p.count }

// locate returns the first file that ends behind pos, a position in piece
// space: the one that holds it, unless pos lies in a gap of version 2.
func (p *Pieces) locate(pos int64) int {
	return sort.Search(len(p.files), func(i int) bool {
		return p.files[i].Offset+p.files[i].Length > pos
	})
}

// FileOf returns the one file that piece i belongs to in version 2 and
// in a hybrid, and the file that holds the piece's first byte in version 1.
func (p *Pieces) FileOf(i int) int {
	p.mustHave(i)
	return p.locate(int64(i) * p.length)
}

func (p *Pieces) mustHave(piece int) {
	if piece < 0 || piece >= p.count {
		panic("metainfo: piece out of range")
	}
}

// Size returns how many bytes of piece i are asked of peers: in version 2
// and hybrids what is before its file's end, in version 1 all.
func (p *Pieces) Size(i int) int {
	begin, end := int64(i)*p.length, p.end
	if p.v2 {
		f := &p.files[p.FileOf(i)]
		end = f.Offset + f.Length
	}
	p.mustHave(i)
	return int(min(p.length, end-begin))
}

// Pad returns how many zeros stand behind the Size bytes of piece i
// where its SHA-1 is taken: those of a hybrid's pad file. It is 0 for
// torrents of one version.
func (p *Pieces) Pad(i int) int {
	if !p.v1 || !p.v2 {
		return 0
	}
	end := int64(i)*p.length + int64(p.Size(i))
	if end%p.length == 0 || end >= p.end {
		return 0
	}
	return int(p.files[p.locate(end)].Length)
}

// Blocks returns the number of blocks of piece i.
func (p *Pieces) Blocks(i int) int { return int(ceilDiv(int64(p.Size(i)), hashing.BlockSize)) }

// ceilDiv returns a/b rounded up; a >= 0, b > 0.
func ceilDiv(a, b int64) int64 {
	n := a / b
	if a%b != 0 {
		n++
	}
	return n
}

// BlockLen returns the length of block b of piece i.
func (p *Pieces) BlockLen(i, b int) int {
	size := p.Size(i)
	if b < 0 || b*hashing.BlockSize >= size {
		panic("metainfo: block out of range")
	}
	return min(hashing.BlockSize, size-b*hashing.BlockSize)
}

// CheckBlock reports whether a request or piece message names bytes that
// exist: piece index, 1 to hashing.MaxRequest bytes from begin. The zeros of a
// hybrid's pad file exist too, because peers of version 1 ask for them. Of a
// version 2 torrent the gap behind a file's end may be in the request, which
// then is for zeros: libtorrent before 2.0.13 asks for whole last blocks.
func (p *Pieces) CheckBlock(index, begin, length int64) (ok bool) {
	if index < 0 || index >= int64(p.count) || begin < 0 || length < 1 || length > hashing.MaxRequest {
		return false
	}
	i := int(index)
	size := int64(p.Size(i)) + int64(p.Pad(i))
	if p.v2 && !p.v1 {
		return begin < size && length <= p.length-begin
	}
	return begin < size && length <= size-begin
}

// SHA1 returns the SHA-1 of piece i; only if V1.
func (p *Pieces) SHA1(i int) Hash {
	p.mustHave(i)
	return Hash(p.sums[20*i:])
}

// Span is a part of one file.
type Span struct {
	File           int // index in Files
	Offset, Length int64
}

// Spans returns the parts of files under length bytes from begin of a piece,
// in order, pad files too. Bytes that no file holds are left out.
func (p *Pieces) Spans(piece int, begin, length int64) []Span {
	p.mustHave(piece)
	pos := int64(piece)*p.length + begin
	end := pos + min(length, p.length-begin)
	var spans []Span
	for i := p.locate(pos); i < len(p.files) && p.files[i].Offset < end; i++ {
		f := &p.files[i]
		from, to := max(pos, f.Offset), min(end, f.Offset+f.Length)
		if from < to {
			spans = append(spans, Span{i, from - f.Offset, to - from})
		}
	}
	return spans
}

// At returns where byte off of a file is: in which piece, how many
// bytes from the piece's begin. off is at most the file's length; at the
// length itself the piece may be one that does not exist.
func (p *Pieces) At(file int, off int64) (piece int, begin int64) {
	pos := p.files[file].Offset + off
	return int(pos / p.length), pos % p.length
}

// OfFile returns the pieces that hold bytes of a file: n of them from
// first on. It is 0, 0 for an empty file.
func (p *Pieces) OfFile(file int) (first, n int) {
	f := &p.files[file]
	if f.Length == 0 {
		return 0, 0
	}
	first = int(f.Offset / p.length)
	last := int((f.Offset + f.Length - 1) / p.length)
	return first, last - first + 1
}
