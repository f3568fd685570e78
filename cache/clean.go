package cache

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io"
)

// The file "clean" is a line with the version and the boot it was written in,
// a record of each verified piece (key, inode, size, mtime), and the SHA-256
// of all that.
const (
	cleanName   = "clean"
	cleanHeader = "p2pfs cache clean 1 "
	recordLen   = len(Key{}) + 3*8
)

// takeClean reads the list of a clean stop and removes it. It returns nil
// when there is none that can be relied on.
func takeClean(dir directory) map[Key]info {
	trusted := readClean(dir)
	if err := dir.Remove(cleanName); err != nil && !isNotExist(err) {
		return nil // it would be believed after the next crash
	}
	return trusted
}

func readClean(dir directory) map[Key]info {
	boot := bootID()
	f, err := dir.Open(cleanName)
	if err != nil || boot == "" {
		return nil
	}
	defer f.Close()
	in, err := f.Info()
	head := cleanHeader + boot + "\n"
	size := in.size - int64(len(head)) - sha256.Size
	if err != nil || !in.regular || size < 0 || size%int64(recordLen) != 0 {
		return nil
	}
	sum := sha256.New()
	section := io.NewSectionReader(f, 0, in.size)
	r := io.TeeReader(bufio.NewReaderSize(io.LimitReader(section, in.size-sha256.Size), 1<<18), sum)
	got := make([]byte, len(head))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != head {
		return nil
	}
	trusted := make(map[Key]info)
	var rec [recordLen]byte
	for ; size > 0; size -= int64(recordLen) {
		if _, err := io.ReadFull(r, rec[:]); err != nil {
			return nil
		}
		n := rec[len(Key{}):]
		trusted[Key(rec[:])] = info{
			ino:   binary.BigEndian.Uint64(n),
			size:  int64(binary.BigEndian.Uint64(n[8:])),
			mtime: int64(binary.BigEndian.Uint64(n[16:])),
		}
	}
	end := make([]byte, sha256.Size)
	if _, err := f.ReadAt(end, in.size-sha256.Size); err != nil || !bytes.Equal(end, sum.Sum(nil)) {
		return nil
	}
	return trusted
}

// writeClean writes the list. The store is closed, but reads that began
// before may still find a file changed.
func (s *Store) writeClean() error {
	boot := bootID()
	if boot == "" {
		return nil
	}
	s.mu.RLock()
	text := s.appendTrusted([]byte(cleanHeader + boot + "\n"))
	s.mu.RUnlock()
	sum := sha256.Sum256(text)
	return writeSmall(s.dir, cleanName, text, sum[:])
}

// appendTrusted appends a record of each verified piece.
func (t *table) appendTrusted(text []byte) []byte {
	for k, e := range t.index {
		if !e.verified {
			continue
		}
		text = append(text, k[:]...)
		text = binary.BigEndian.AppendUint64(text, e.ino)
		text = binary.BigEndian.AppendUint64(text, uint64(e.size))
		text = binary.BigEndian.AppendUint64(text, uint64(e.mtime))
	}
	return text
}
