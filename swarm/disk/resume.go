package disk

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"p2pfs/swarm/metainfo"
)

// The resume record is: a line with the version; the infohashes (20 and 32
// bytes, zeros for one there is not); the boot it was written in (64 bytes,
// filled up with zeros); of each file size, mtime and inode (8 bytes each,
// big endian; all zero where nothing is known) and a byte that is 1 if the
// data was on the device; the pieces held, high bit first; and the SHA-256 of
// all that. Its length follows from the torrent.
const (
	resumeHeader = "p2pfs resume 1\n"
	bootLen      = 64
	fileLen      = 3*8 + 1
)

// ResumeName is a file name for the resume record of a torrent.
func ResumeName(info *metainfo.Info) string {
	return hex.EncodeToString(info.InfoHashes()[0][:]) + ".resume"
}

// resumeHead is what the record of this torrent begins with.
func (d *Disk) resumeHead() []byte {
	head := []byte(resumeHeader)
	head = append(head, d.info.HashV1[:]...)
	return append(head, d.info.HashV2[:]...)
}

func (d *Disk) resumeLen() int {
	return len(d.resumeHead()) + bootLen + len(d.info.Files)*fileLen + (d.info.NumPieces()+7)/8 + sha256.Size
}

// Save writes the resume record. Close and Finish do so too.
func (d *Disk) Save() error {
	if d.cfg.Resume == "" {
		return nil
	}
	// The pieces first: one that is finished meanwhile is left out.
	pieces := make([]byte, (d.info.NumPieces()+7)/8)
	for p := range d.info.NumPieces() {
		if d.have.get(p) {
			pieces[p/8] |= 0x80 >> (p % 8)
		}
	}
	text := append(d.resumeHead(), make([]byte, bootLen)...)
	copy(text[len(text)-bootLen:], bootID())
	now := time.Now().UnixNano()
	for i := range d.info.Files {
		id, durable := d.record(i, now)
		text = binary.BigEndian.AppendUint64(text, uint64(id.size))
		text = binary.BigEndian.AppendUint64(text, uint64(id.mtime))
		text = binary.BigEndian.AppendUint64(text, id.ino)
		text = append(text, durable)
	}
	text = append(text, pieces...)
	sum := sha256.Sum256(text)
	if err := replaceFile(d.cfg.Resume, append(text, sum[:]...)); err != nil {
		return fmt.Errorf("disk: resume record: %w", err)
	}
	return nil
}

// record is what the resume record says of a file.
func (d *Disk) record(file int, now int64) (id ident, durable byte) {
	st := &d.files[file]
	if seal := st.seal.Load(); seal != nil {
		id = *seal
	} else if st.dirty.Load() && st.known.Load() {
		if fi, err := d.root.Lstat(d.paths[file]); err == nil && fi.Mode().IsRegular() {
			id = identOf(fi)
		}
	}
	if !st.dirty.Load() && now-id.mtime > int64(flushed) {
		durable = 1
	}
	return id, durable
}

// replaceFile puts text into the file path, wholly or not at all.
func replaceFile(path string, text []byte) error {
	tmp := path + ".tmp"
	err := os.WriteFile(tmp, text, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		err = os.WriteFile(tmp, text, 0o600)
	}
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp) // the next record overwrites it otherwise
	}
	return err
}

// readResume returns the record of this torrent without its sum, or nil.
func (d *Disk) readResume() []byte {
	if d.cfg.Resume == "" {
		return nil
	}
	f, err := os.Open(d.cfg.Resume)
	if err != nil {
		return nil
	}
	defer f.Close()
	size := d.resumeLen()
	text, err := io.ReadAll(io.LimitReader(f, int64(size)+1))
	if err != nil || len(text) != size {
		return nil
	}
	text, end := text[:size-sha256.Size], text[size-sha256.Size:]
	if sum := sha256.Sum256(text); !bytes.Equal(sum[:], end) || !bytes.HasPrefix(text, d.resumeHead()) {
		return nil
	}
	return text
}

// loadResume takes over what the record says of files that are still as they
// were.
func (d *Disk) loadResume() {
	text := d.readResume()
	if text == nil {
		return
	}
	text = text[len(d.resumeHead()):]
	boot := string(bytes.TrimRight(text[:bootLen], "\x00"))
	sameBoot := boot != "" && boot == bootID()
	text = text[bootLen:]
	for i := range d.info.Files {
		id := ident{
			size:  int64(binary.BigEndian.Uint64(text)),
			mtime: int64(binary.BigEndian.Uint64(text[8:])),
			ino:   binary.BigEndian.Uint64(text[16:]),
		}
		durable := text[24] == 1
		text = text[fileLen:]
		if id == (ident{}) || !sameBoot && !durable {
			continue
		}
		fi, err := d.root.Lstat(d.paths[i])
		if err != nil || !fi.Mode().IsRegular() || identOf(fi) != id {
			continue
		}
		d.files[i].ino.Store(id.ino)
		d.files[i].seal.Store(&id)
		d.files[i].known.Store(true)
		d.files[i].dirty.Store(!durable)
	}
	for p := range d.info.NumPieces() {
		if text[p/8]&(0x80>>(p%8)) != 0 && d.vouched(p) {
			d.have.set(p)
		}
	}
}

// vouched reports whether all files under a piece are sealed.
func (d *Disk) vouched(piece int) bool {
	for _, s := range d.info.Spans(piece, 0, int64(d.info.PieceSize(piece))) {
		if !d.info.Files[s.File].Pad && d.files[s.File].seal.Load() == nil {
			return false
		}
	}
	return true
}
