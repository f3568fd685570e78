package metainfo

import "p2pfs/swarm/hashing"

// Content names the bytes of a file.
type Content = hashing.Content

// Content returns the content of file i, numbered as in Files. Its Root is
// zero without version 2.
func (in *Info) Content(i int) Content {
	return Content{Root: in.Files[i].Root, Size: in.Files[i].Length}
}
