package hasher

import (
	"crypto/sha256"
	"fmt"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/share/record"
)

// Torrents makes the torrents of files. Params is as in share.Config; nil for
// no further keys.
type Torrents struct {
	Params func(root metainfo.Hash256) metainfo.Options
}

func (t Torrents) options(root metainfo.Hash256) metainfo.Options {
	if t.Params == nil {
		return metainfo.Options{}
	}
	return t.Params(root)
}

// Tag stands for all that makes a file's infohashes besides its contents: the
// infohashes of a Summary with that Tag are those of its name.
func (t Torrents) Tag(name string, root metainfo.Hash256) [8]byte {
	opt := t.options(root)
	sum := sha256.Sum256(fmt.Appendf(nil, "%t %q %s", opt.Private, opt.Source, name))
	return [8]byte(sum[:8])
}

// Name fills in the infohashes for a base name.
func (t Torrents) Name(sum *record.Summary, name string, size int64, pieces []metainfo.Hash) {
	v1, v2 := metainfo.InfoHashes(name, metainfo.Content{Root: sum.Root, Size: size}, pieces, t.options(sum.Root))
	sum.V1, sum.V2, sum.Tag = v1, v2.Short(), t.Tag(name, sum.Root)
}

// V1 is the info dictionary of version 1 (BEP 3).
func (t Torrents) V1(name string, size int64, root metainfo.Hash256, pieces []metainfo.Hash) (*metainfo.Info, error) {
	return metainfo.BuildV1(name, size, metainfo.PieceLength(size), pieces, t.options(root))
}

// V2 is the info dictionary of version 2 (BEP 52).
func (t Torrents) V2(name string, size int64, root metainfo.Hash256) (*metainfo.Info, error) {
	return metainfo.BuildV2(name, size, metainfo.PieceLength(size), root, t.options(root))
}
