package disk

import (
	"fmt"
	"time"
)

// Finish is called when all pieces are held: it cuts files to their length,
// sets the exec bits, gives the files that were written the torrent's date of
// creation (if it has one) as mtime, and writes the resume record. From then
// on the files are watched for changes by others. ErrMissing says that pieces
// are missing. Of files opened for reading only it changes nothing.
func (d *Disk) Finish() error {
	if !d.Complete() {
		return fmt.Errorf("%w: %d of %d are", ErrMissing, d.Have(), d.info.Pieces.Count())
	}
	if d.cfg.Dir != "" {
		for i := range d.info.Files {
			if f := &d.info.Files[i]; f.Pad || f.Symlink != nil {
				continue
			}
			if err := d.finishFile(i); err != nil {
				return d.pathError(i, err)
			}
		}
	}
	return d.Save()
}

func (d *Disk) finishFile(i int) error {
	name := d.paths[i]
	fi, err := d.root.Lstat(name)
	if err != nil {
		return err
	}
	if !fi.Mode().IsRegular() {
		return ErrNotFile
	}
	if fi.Size() != d.info.Files[i].Length {
		d.files[i].seal.Store(nil)
		if err := d.touch(i); err != nil {
			return err
		}
	}
	if mode := fi.Mode().Perm(); d.info.Files[i].Exec && mode&0o111 != mode&0o444>>2 {
		if err := d.root.Chmod(name, mode|mode&0o444>>2); err != nil {
			return err
		}
	}
	created := d.cfg.MetaInfo.Created
	if d.files[i].dirty.Load() && !created.IsZero() && created.Before(time.Now()) {
		d.files[i].seal.Store(nil)
		if err := d.root.Chtimes(name, time.Time{}, created); err != nil {
			return err
		}
	}
	if d.files[i].seal.Load() != nil {
		return nil
	}
	if fi, err = d.root.Lstat(name); err != nil {
		return err
	}
	id := identOf(fi)
	d.files[i].seal.Store(&id)
	d.files[i].known.Store(true)
	return nil
}
