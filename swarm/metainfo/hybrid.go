package metainfo

import "errors"

// hybridFiles reads "file tree", then checks that the version 1 half says the
// same of the same files in the same order, with pad files where version 2
// has gaps. Files are version 2's, with the pad files between them.
func (r *rawInfo) hybridFiles(name string) (layout, error) {
	c, err := r.treeFiles(name)
	if err != nil {
		return c, err
	}
	if r.files == nil {
		f := &c.files[0]
		if len(c.files) != 1 || !c.single || c.name != name || f.Length != r.length {
			return c, badInfo("the versions disagree about the only file")
		}
		return c, nil
	}
	_, pads, _, err := checkEntries(r.files)
	if err != nil {
		return c, err
	}
	m := merge{pieceLength: r.pieceLength, tree: c.files, out: make([]File, 0, len(c.files)+pads)}
	if err := eachEntry(r.files, m.entry); err != nil {
		return c, err
	}
	if len(m.tree) > 0 {
		return c, badInfo("the versions disagree: %d files are in the file tree only", len(m.tree))
	}
	c.files = m.out
	return c, nil
}

// merge compares the halves of a hybrid entry by entry.
type merge struct {
	pieceLength int64
	tree        []File // version 2 files not yet seen in version 1
	out         []File
	end         int64 // in piece space
}

func (m *merge) entry(e *listEntry) error {
	gap := -m.end & (m.pieceLength - 1)
	if e.pad {
		// Also behind the last file: newer creators put one there.
		if e.length != gap || gap == 0 {
			return errors.New("a pad file that does not end at a piece's end")
		}
		m.out = append(m.out, File{Length: gap, Offset: m.end, Pad: true})
		m.end += gap
		return nil
	}
	if len(m.tree) == 0 {
		return errors.New("the versions disagree: the file is not in the file tree")
	}
	f := m.tree[0]
	m.tree = m.tree[1:]
	switch {
	case e.length != f.Length:
		return errors.New("the versions disagree about a length")
	case e.link != (f.Symlink != nil):
		return errors.New("the versions disagree about a symlink")
	case !samePath(e.path, f.Path) || e.link && !samePath(e.target, f.Symlink):
		return errors.New("the versions disagree about a path")
	case f.Length > 0 && gap != 0:
		return errors.New("the file does not begin at a piece's start")
	}
	f.Offset = m.end
	m.end += f.Length
	m.out = append(m.out, f)
	return nil
}
