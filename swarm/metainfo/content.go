package metainfo

// Content names the bytes of a file: its pieces root and its length. The root
// alone does not, for nothing in a hash tree tells its height (BEP 52): the
// hashes of a file's two blocks, one behind the other, are a file of 64 bytes
// with the same root, and a stranger's torrent may give any root any length.
type Content struct {
	Root Hash256 // pieces root; zero for an empty file, and without version 2
	Size int64   // bytes
}

// Content returns the content of file i, numbered as in Files. Its Root is
// zero without version 2.
func (in *Info) Content(i int) Content {
	return Content{in.Files[i].Root, in.Files[i].Length}
}
