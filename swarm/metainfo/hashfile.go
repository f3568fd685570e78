package metainfo

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// ErrLength says that a file is not as long as it was said to be: it changed
// while it was hashed.
var ErrLength = errors.New("file is not of the length expected")

// HashFile hashes length bytes of r for both versions in one pass. It reads
// on while it hashes, on all cores. progress, unless nil, is called on the
// calling goroutine, at least once a MiB, with the bytes read so far. If r
// holds fewer or more bytes the error is ErrLength. ctx is looked at between
// reads; a Read that blocks is not interrupted.
func HashFile(ctx context.Context, r io.Reader, length, pieceLength int64, progress func(done int64)) (FileHashes, error) {
	return HashReader(ctx, r, HashConfig{PieceLength: pieceLength, Length: length}, progress)
}

// HashReader is HashFile for a file of cfg.Length bytes as cfg says.
func HashReader(ctx context.Context, r io.Reader, cfg HashConfig, progress func(done int64)) (FileHashes, error) {
	h, err := NewHasher(cfg)
	if err != nil {
		return FileHashes{}, err
	}
	defer h.Close()
	if err := h.readAll(ctx, r, progress); err != nil {
		return FileHashes{}, err
	}
	return h.Sum()
}

func (h *Hasher) readAll(ctx context.Context, r io.Reader, progress func(done int64)) error {
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
