package disk

import (
	"fmt"
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
			if err := d.files.finish(i, d.cfg.MetaInfo.Created); err != nil {
				return d.files.at.pathError(i, err)
			}
		}
	}
	return d.Save()
}
