//go:build linux

package fs

import "bazil.org/fuse"

// dispatch serves a request that has a reply. An error was not yet replied.
func (s *server) dispatch(c *call) error {
	switch r := c.req.(type) {
	case *fuse.ReadRequest:
		if r.Dir {
			return c.readdir(s.files, r)
		}
		return s.read(c, r)
	case *fuse.LookupRequest:
		return c.lookup(s.files, r)
	case *fuse.GetattrRequest:
		return c.getattr(s.files, r)
	case *fuse.OpenRequest:
		return c.openFile(s.files, r)
	case *fuse.ReleaseRequest:
		return c.release(s.files, r)
	case *fuse.ReadlinkRequest:
		return c.readlink(s.files, r)
	case *fuse.GetxattrRequest:
		return c.getxattr(s.files, r)
	case *fuse.ListxattrRequest:
		return c.listxattr(s.files, r)
	case *fuse.StatfsRequest:
		return c.statfs(s.files, r)
	case *fuse.DestroyRequest:
		return c.destroy(r)
	}
	if c.list != nil {
		return c.readdirplus(s.files)
	}
	return refusal(c.req)
}

// opIoctl is the number of FUSE_IOCTL, which the library does not know.
const opIoctl = 39

// refusal is the answer to what a read-only tree does not do. The kernel stops
// asking what it was once told errNoSys (flush, access, poll, fsync, lseek),
// and does the usual thing itself.
func refusal(req fuse.Request) error {
	switch r := req.(type) {
	case *fuse.WriteRequest, *fuse.CreateRequest, *fuse.MkdirRequest, *fuse.MknodRequest,
		*fuse.SymlinkRequest, *fuse.LinkRequest, *fuse.RenameRequest, *fuse.RemoveRequest,
		*fuse.SetattrRequest, *fuse.SetxattrRequest, *fuse.RemovexattrRequest, *fuse.FAllocateRequest:
		return errReadOnly
	case *fuse.UnrecognizedRequest:
		if r.Opcode == opIoctl {
			return errNoTTY
		}
	}
	return errNoSys
}

func (s *server) read(c *call, r *fuse.ReadRequest) error {
	h := s.files.acquire(r.Handle)
	if h == nil {
		return ErrStale
	}
	defer s.files.drop(h)
	if s.ctx.Err() != nil {
		return errClosing // before its content gets a chance to be slow
	}
	s.calls.reading.waiting.Add(1)
	defer s.calls.reading.waiting.Add(-1)
	n := h.span(r.Offset, r.Size)
	if c.lend(h, r.Offset, n) {
		return nil
	}
	return c.read(h, r.Offset, n)
}

// lend answers a read with memory that its content lends: nothing is copied on
// the way to the kernel. It reports false where the content has to be read.
func (c *call) lend(h *handle, off int64, n int) bool {
	resident, ok := h.content.(Resident)
	if !ok || n == 0 {
		return false
	}
	parts, release, ok := resident.Lend(off, n)
	if !ok {
		return false
	}
	defer release()
	if c.claim() {
		c.of.reading.count(n)
		c.answer(n, parts...)
	}
	return true
}

// read answers a read with what is read of the content.
func (c *call) read(h *handle, off int64, n int) error {
	buf := replies.get(n)
	defer replies.put(buf)
	n, err := h.read(c, buf.data(n), off)
	if err == nil && c.claim() {
		c.of.reading.count(n)
		buf.send(c.of.dev, c.req.Hdr().ID, n)
	}
	return err
}
