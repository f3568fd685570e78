//go:build linux

package fs

import "bazil.org/fuse"

// dispatch serves a request that has a reply. An error was not yet replied.
func (s *server) dispatch(c *call) error {
	switch r := c.req.(type) {
	case *fuse.ReadRequest:
		return s.read(c, r)
	case *fuse.LookupRequest:
		return s.lookup(c, r)
	case *fuse.GetattrRequest:
		return s.getattr(c, r)
	case *fuse.OpenRequest:
		return s.open(c, r)
	case *fuse.ReleaseRequest:
		return s.release(c, r)
	case *fuse.ReadlinkRequest:
		return s.readlink(c, r)
	case *fuse.GetxattrRequest:
		return s.getxattr(c, r)
	case *fuse.ListxattrRequest:
		return s.listxattr(c, r)
	case *fuse.StatfsRequest:
		return s.statfs(c, r)
	case *fuse.DestroyRequest:
		return s.destroy(c, r)
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

func (s *server) lookup(c *call, r *fuse.LookupRequest) error {
	resp, err := s.files.lookup(c, r.Node, r.Name)
	if err != nil {
		return err
	}
	if s.claim(c) {
		r.Respond(&resp)
	} else { // interrupted: the kernel never saw the reference
		s.files.nodes.forget(resp.Node, 1)
	}
	return nil
}

func (s *server) getattr(c *call, r *fuse.GetattrRequest) error {
	a, err := s.files.getattr(c, r.Node)
	if err == nil && s.claim(c) {
		r.Respond(&fuse.GetattrResponse{Attr: a})
	}
	return err
}

func (s *server) open(c *call, r *fuse.OpenRequest) error {
	resp, err := s.files.open(c, r)
	if err != nil {
		return err
	}
	if s.claim(c) {
		r.Respond(&resp)
		return nil
	}
	return s.files.release(resp.Handle)
}

func (s *server) release(c *call, r *fuse.ReleaseRequest) error {
	err := s.files.release(r.Handle)
	if err == nil && s.claim(c) {
		r.Respond()
	}
	return err // nobody sees it, close(2) does not wait for this
}

func (s *server) readlink(c *call, r *fuse.ReadlinkRequest) error {
	target, err := s.files.readlink(r.Node)
	if err == nil && s.claim(c) {
		r.Respond(target)
	}
	return err
}

func (s *server) getxattr(c *call, r *fuse.GetxattrRequest) error {
	v, err := s.files.getxattr(c, r.Node, r.Name, r.Size)
	if err == nil && s.claim(c) {
		r.Respond(&fuse.GetxattrResponse{Xattr: v})
	}
	return err
}

func (s *server) listxattr(c *call, r *fuse.ListxattrRequest) error {
	v, err := s.files.listxattr(c, r.Node, r.Size)
	if err == nil && s.claim(c) {
		r.Respond(&fuse.ListxattrResponse{Xattr: v})
	}
	return err
}

func (s *server) statfs(c *call, r *fuse.StatfsRequest) error {
	resp := s.files.statfs()
	if s.claim(c) {
		r.Respond(&resp)
	}
	return nil
}

func (s *server) destroy(c *call, r *fuse.DestroyRequest) error {
	if s.claim(c) {
		r.Respond()
	}
	return nil
}

func (s *server) read(c *call, r *fuse.ReadRequest) error {
	if r.Dir {
		data, err := s.files.readdir(c, r.Handle, r.Offset, r.Size)
		if err == nil && s.claim(c) {
			r.Respond(&fuse.ReadResponse{Data: data})
		}
		return err
	}
	h := s.files.acquire(r.Handle)
	if h == nil {
		return ErrStale
	}
	defer s.files.drop(h)
	if s.ctx.Err() != nil {
		return errClosing // before its content gets a chance to be slow
	}
	s.waiting.Add(1)
	defer s.waiting.Add(-1)
	n := h.span(r.Offset, r.Size)
	if c.bare && s.lend(c, r, h, n) {
		return nil
	}
	buf := replies.get(n)
	defer replies.put(buf)
	n, err := h.read(c, buf.data(n), r.Offset)
	if err != nil || !s.claim(c) {
		return err
	}
	s.reads.Add(1)
	s.readBytes.Add(int64(n))
	if c.bare {
		buf.send(s.dev, r.ID, n, 0)
	} else {
		r.Respond(&fuse.ReadResponse{Data: buf.data(n)})
	}
	return nil
}
