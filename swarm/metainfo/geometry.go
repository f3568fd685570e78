package metainfo

import (
	"sort"

	"p2pfs/swarm/hashing"
)

// MaxRequest is the longest block that CheckBlock lets pass, in bytes: more
// than hashing.BlockSize, because some clients ask for more.
const MaxRequest = 128 << 10

// NumPieces returns the number of pieces. It is 0 for a torrent of nothing
// but empty files.
func (in *Info) NumPieces() int { return in.numPieces }

// locate returns the first file that ends behind pos, a position in piece
// space: the one that holds it, unless pos lies in a gap of version 2.
func (in *Info) locate(pos int64) int {
	return sort.Search(len(in.Files), func(i int) bool {
		return in.Files[i].Offset+in.Files[i].Length > pos
	})
}

// FileOfPiece returns the one file that piece i belongs to in version 2 and
// in a hybrid, and the file that holds the piece's first byte in version 1.
func (in *Info) FileOfPiece(i int) int {
	in.mustHave(i)
	return in.locate(int64(i) * in.PieceLength)
}

func (in *Info) mustHave(piece int) {
	if piece < 0 || piece >= in.numPieces {
		panic("metainfo: piece out of range")
	}
}

// PieceSize returns how many bytes of piece i are asked of peers: in version 2
// and hybrids what is before its file's end, in version 1 all.
func (in *Info) PieceSize(i int) int {
	begin, end := int64(i)*in.PieceLength, in.end
	if in.V2 {
		f := &in.Files[in.FileOfPiece(i)]
		end = f.Offset + f.Length
	}
	in.mustHave(i)
	return int(min(in.PieceLength, end-begin))
}

// PadSize returns how many zeros stand behind the PieceSize bytes of piece i
// where its SHA-1 is taken: those of a hybrid's pad file. It is 0 for
// torrents of one version.
func (in *Info) PadSize(i int) int {
	if !in.V1 || !in.V2 {
		return 0
	}
	end := int64(i)*in.PieceLength + int64(in.PieceSize(i))
	if end%in.PieceLength == 0 || end >= in.end {
		return 0
	}
	return int(in.Files[in.locate(end)].Length)
}

// Blocks returns the number of blocks of piece i.
func (in *Info) Blocks(i int) int { return int(ceilDiv(int64(in.PieceSize(i)), hashing.BlockSize)) }

// ceilDiv returns a/b rounded up; a >= 0, b > 0.
func ceilDiv(a, b int64) int64 {
	n := a / b
	if a%b != 0 {
		n++
	}
	return n
}

// BlockLen returns the length of block b of piece i.
func (in *Info) BlockLen(i, b int) int {
	size := in.PieceSize(i)
	if b < 0 || b*hashing.BlockSize >= size {
		panic("metainfo: block out of range")
	}
	return min(hashing.BlockSize, size-b*hashing.BlockSize)
}

// CheckBlock reports whether a request or piece message names bytes that
// exist: piece index, 1 to MaxRequest bytes from begin. The zeros of a
// hybrid's pad file exist too, because peers of version 1 ask for them. Of a
// version 2 torrent the gap behind a file's end may be in the request, which
// then is for zeros: libtorrent before 2.0.13 asks for whole last blocks.
func (in *Info) CheckBlock(index, begin, length int64) (ok bool) {
	if index < 0 || index >= int64(in.numPieces) || begin < 0 || length < 1 || length > MaxRequest {
		return false
	}
	i := int(index)
	size := int64(in.PieceSize(i)) + int64(in.PadSize(i))
	if in.V2 && !in.V1 {
		return begin < size && length <= in.PieceLength-begin
	}
	return begin < size && length <= size-begin
}

// PieceHash1 returns the SHA-1 of piece i; only if V1.
func (in *Info) PieceHash1(i int) Hash {
	in.mustHave(i)
	return Hash(in.pieces[20*i:])
}

// Span is a part of one file.
type Span struct {
	File           int // index in Files
	Offset, Length int64
}

// Spans returns the parts of files under length bytes from begin of a piece,
// in order, pad files too. Bytes that no file holds are left out.
func (in *Info) Spans(piece int, begin, length int64) []Span {
	in.mustHave(piece)
	pos := int64(piece)*in.PieceLength + begin
	end := pos + min(length, in.PieceLength-begin)
	var spans []Span
	for i := in.locate(pos); i < len(in.Files) && in.Files[i].Offset < end; i++ {
		f := &in.Files[i]
		from, to := max(pos, f.Offset), min(end, f.Offset+f.Length)
		if from < to {
			spans = append(spans, Span{i, from - f.Offset, to - from})
		}
	}
	return spans
}

// FilePiece returns where byte off of a file is: in which piece, how many
// bytes from the piece's begin. off is at most the file's length; at the
// length itself the piece may be one that does not exist.
func (in *Info) FilePiece(file int, off int64) (piece int, begin int64) {
	pos := in.Files[file].Offset + off
	return int(pos / in.PieceLength), pos % in.PieceLength
}

// FilePieces returns the pieces that hold bytes of a file: n of them from
// first on. It is 0, 0 for an empty file.
func (in *Info) FilePieces(file int) (first, n int) {
	f := &in.Files[file]
	if f.Length == 0 {
		return 0, 0
	}
	first = int(f.Offset / in.PieceLength)
	last := int((f.Offset + f.Length - 1) / in.PieceLength)
	return first, last - first + 1
}
