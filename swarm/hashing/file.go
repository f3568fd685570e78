package hashing

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// ErrLength says that a file is not as long as it was said to be: it changed
// while it was hashed.
var ErrLength = errors.New("file is not of the length expected")

// FileHashes is what one pass over a file yields for both versions.
type FileHashes struct {
	Length, PieceLength int64
	Pieces              []Hash    // version 1
	Layer               []Hash256 // version 2 piece layer; nil for a file of at most a piece
	Root                Hash256   // version 2 pieces root; zero for an empty file
}

// Config says what File computes.
type Config struct {
	PieceLength int64 // bytes; with version 2 a power of two, at least BlockSize
	Length      int64 // of the file, in bytes
	OnlyV1      bool  // leave out Layer and Root; PieceLength may then be odd
	OnlyV2      bool  // leave out Pieces
	PadV1       bool  // hash the last piece as if a pad file filled it up (hybrids)
}

// Limits of a torrent's pieces: the length of one in bytes, and how many.
const (
	MaxPieceLength = 64 << 20
	MaxPieces      = 1 << 20
)

// Check returns nil if File can compute what cfg says.
func (cfg Config) Check() error {
	pl := cfg.PieceLength
	if pl < 1 || pl > MaxPieceLength || !cfg.OnlyV1 && (pl < BlockSize || pl&(pl-1) != 0) {
		return fmt.Errorf("piece length %d cannot be hashed", pl)
	}
	if cfg.OnlyV1 && cfg.OnlyV2 {
		return errors.New("neither version to be hashed")
	}
	return nil
}

// File hashes r, a file of cfg.Length bytes, in one pass: SHA-1 of pieces and
// SHA-256 of blocks. It reads on while it hashes, on all cores. Its memory is
// some chunks of 1 MiB, more of them the longer a piece is, at most 64 (or two
// a core), besides the hashes themselves. progress, unless nil, is called on
// the calling goroutine, at least once a MiB, with the bytes read so far. If r
// holds fewer or more bytes the error is ErrLength. ctx is looked at between
// reads; a Read that blocks is not interrupted.
func File(ctx context.Context, r io.Reader, cfg Config, progress func(done int64)) (FileHashes, error) {
	if err := cfg.Check(); err != nil {
		return FileHashes{}, err
	}
	h := newHasher(cfg)
	defer h.close()
	if err := h.readAll(ctx, r, progress); err != nil {
		return FileHashes{}, err
	}
	return h.sum(), nil
}

func (h *hasher) readAll(ctx context.Context, r io.Reader, progress func(done int64)) error {
	for h.length < h.cfg.Length {
		if err := ctx.Err(); err != nil {
			return err
		}
		room := h.room()
		room = room[:min(int64(len(room)), h.cfg.Length-h.length)]
		n, err := io.ReadFull(r, room)
		h.advance(n)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return fmt.Errorf("%w: ends after %d of %d bytes", ErrLength, h.length, h.cfg.Length)
		}
		if err != nil {
			return err
		}
		if progress != nil {
			progress(h.length)
		}
	}
	var one [1]byte
	switch n, err := io.ReadFull(r, one[:]); {
	case n > 0:
		return fmt.Errorf("%w: goes on after %d bytes", ErrLength, h.cfg.Length)
	case err != io.EOF:
		return err
	}
	return nil
}
