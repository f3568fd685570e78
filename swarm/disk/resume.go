package disk

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"p2pfs/swarm/durable"
	"p2pfs/swarm/metainfo"
)

// flushed is after what time the system has written a file's data back.
const flushed = time.Minute

// ResumeName is a file name for the resume record of a torrent.
func ResumeName(info *metainfo.Info) string {
	return hex.EncodeToString(info.InfoHashes()[0][:]) + ".resume"
}

// Save writes the resume record. Close and Finish do so too. What is written
// to a file after that voids what the record says of it; so a Save now and
// then spares hashing the other files after a crash.
func (d *Disk) Save() error {
	if d.cfg.Resume == "" {
		return nil
	}
	r := newRecord(d.info)
	r.boot = bootID()
	// The pieces first: one that is finished meanwhile is left out.
	for p := range d.info.Pieces.Count() {
		if d.have.get(p) {
			r.add(p)
		}
	}
	now := time.Now().UnixNano()
	for i := range r.files {
		r.files[i] = d.files.describe(i, now)
	}
	if err := replaceFile(d.cfg.Resume, r.encode(d.info)); err != nil {
		return fmt.Errorf("disk: resume record: %w", err)
	}
	return nil
}

// replaceFile puts text into the file path, wholly or not at all, and waits for
// the disk.
func replaceFile(path string, text []byte) error {
	err := durable.WriteFile(path, text, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		err = durable.WriteFile(path, text, 0o600)
	}
	return err
}

// readResume returns the record of this torrent, or nil.
func (d *Disk) readResume() *record {
	if d.cfg.Resume == "" {
		return nil
	}
	f, err := os.Open(d.cfg.Resume)
	if err != nil {
		return nil
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, int64(recordLen(d.info))+1))
	if err != nil {
		return nil
	}
	return decodeRecord(d.info, text)
}

// loadResume takes over what the record says of files that are still as they
// were.
func (d *Disk) loadResume() {
	r := d.readResume()
	if r == nil {
		return
	}
	sameBoot := r.boot != "" && r.boot == bootID()
	for i := range r.files {
		f := &r.files[i]
		if f.ident == (ident{}) || !sameBoot && !f.durable {
			continue
		}
		fi, err := d.files.at.root.Lstat(d.files.at.paths[i])
		if err != nil || !fi.Mode().IsRegular() || identOf(fi) != f.ident {
			continue
		}
		st := &d.files.state[i]
		st.ino.Store(f.ino)
		st.seal.Store(&f.ident)
		st.known.Store(true)
		st.dirty.Store(!f.durable)
	}
	for p := range d.info.Pieces.Count() {
		if r.has(p) && d.vouched(p) {
			d.have.set(p)
		}
	}
}

// vouched reports whether all files under a piece are sealed.
func (d *Disk) vouched(piece int) bool {
	for _, s := range d.info.Pieces.Spans(piece, 0, int64(d.info.Pieces.Size(piece))) {
		if !d.info.Files[s.File].Pad && d.files.state[s.File].seal.Load() == nil {
			return false
		}
	}
	return true
}
