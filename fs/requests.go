//go:build linux

package fs

import "bazil.org/fuse"

// What each request but a read of file data is answered with. An error was not
// yet replied. Whoever was interrupted meanwhile gets nothing; what was counted
// or opened for it is taken back.

func (c *call) lookup(f *files, r *fuse.LookupRequest) error {
	resp, err := f.lookup(c, r.Node, r.Name)
	if err != nil {
		return err
	}
	if c.claim() {
		r.Respond(&resp)
	} else { // the kernel never saw the reference
		f.nodes.forget(resp.Node, 1)
	}
	return nil
}

func (c *call) getattr(f *files, r *fuse.GetattrRequest) error {
	a, err := f.getattr(c, r.Node)
	if err == nil && c.claim() {
		r.Respond(&fuse.GetattrResponse{Attr: a})
	}
	return err
}

func (c *call) openFile(f *files, r *fuse.OpenRequest) error {
	resp, err := f.open(c, r)
	if err != nil {
		return err
	}
	if c.claim() {
		r.Respond(&resp)
		return nil
	}
	return f.release(resp.Handle)
}

func (c *call) release(f *files, r *fuse.ReleaseRequest) error {
	err := f.release(r.Handle)
	if err == nil && c.claim() {
		r.Respond()
	}
	return err // nobody sees it, close(2) does not wait for this
}

func (c *call) readdir(f *files, r *fuse.ReadRequest) error {
	data, err := f.readdir(c, r.Handle, r.Offset, r.Size)
	if err == nil && c.claim() {
		r.Respond(&fuse.ReadResponse{Data: data})
	}
	return err
}

func (c *call) readdirplus(f *files) error {
	data, refs, err := f.readdirplus(c, c.list.handle, c.list.off, c.list.size)
	if err != nil || c.claim() && c.answer(len(data), data) {
		return err
	}
	for _, id := range refs { // the kernel never saw them
		f.nodes.forget(id, 1)
	}
	return nil
}

func (c *call) readlink(f *files, r *fuse.ReadlinkRequest) error {
	target, err := f.readlink(r.Node)
	if err == nil && c.claim() {
		r.Respond(target)
	}
	return err
}

func (c *call) getxattr(f *files, r *fuse.GetxattrRequest) error {
	v, err := f.getxattr(c, r.Node, r.Name, r.Size)
	if err == nil && c.claim() {
		r.Respond(&fuse.GetxattrResponse{Xattr: v})
	}
	return err
}

func (c *call) listxattr(f *files, r *fuse.ListxattrRequest) error {
	v, err := f.listxattr(c, r.Node, r.Size)
	if err == nil && c.claim() {
		r.Respond(&fuse.ListxattrResponse{Xattr: v})
	}
	return err
}

func (c *call) statfs(f *files, r *fuse.StatfsRequest) error {
	resp := f.statfs()
	if c.claim() {
		r.Respond(&resp)
	}
	return nil
}

func (c *call) destroy(r *fuse.DestroyRequest) error {
	if c.claim() {
		r.Respond()
	}
	return nil
}
