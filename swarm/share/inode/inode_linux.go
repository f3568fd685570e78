package inode

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// OpenFlags never follow a link, never wait for the other end of a FIFO and
// never make a terminal ours.
const OpenFlags = os.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY

// OpenDirFlags are those for what must be a directory.
const OpenDirFlags = OpenFlags | unix.O_DIRECTORY

// WithFd lends the descriptor of f, which stays open meanwhile.
func WithFd(f *os.File, use func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := conn.Control(func(fd uintptr) { inner = use(int(fd)) }); err != nil {
		return err
	}
	return inner
}

// StatAt asks for the entries of an open directory, one by one, and gives each
// name's meta to see. Links are not followed. An error of one name is given
// to see; see returning false ends it.
func StatAt(dir *os.File, _ string, names []string, see func(name string, m Meta, err error) bool) error {
	return WithFd(dir, func(fd int) error {
		var st unix.Stat_t
		for _, name := range names {
			err := ignoringEINTR(func() error {
				return unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
			})
			if !see(name, metaOf(&st), err) {
				break
			}
		}
		return nil
	})
}

// Stat asks for an open file.
func Stat(f *os.File, _ string) (Meta, error) {
	var st unix.Stat_t
	err := WithFd(f, func(fd int) error {
		return ignoringEINTR(func() error { return unix.Fstat(fd, &st) })
	})
	return metaOf(&st), err
}

func metaOf(st *unix.Stat_t) Meta {
	m := Meta{
		ID:    ID{Dev: uint64(st.Dev), Ino: st.Ino, Size: st.Size, MTime: st.Mtim.Nano()},
		CTime: st.Ctim.Nano(),
		Mode:  fs.FileMode(st.Mode & 0o777),
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		m.Mode |= fs.ModeDir
	case unix.S_IFLNK:
		m.Mode |= fs.ModeSymlink
	case unix.S_IFIFO:
		m.Mode |= fs.ModeNamedPipe
	case unix.S_IFSOCK:
		m.Mode |= fs.ModeSocket
	default:
		m.Mode |= fs.ModeDevice
	}
	return m
}

// Writers tells whether anybody has f open for writing, or mapped for it. A
// read lease is granted only if nobody has; it is given back at once, as a
// lease that is held makes writers wait.
func Writers(f *os.File) (state Writing) {
	state = Unknown
	WithFd(f, func(fd int) error {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_RDLCK)
		switch {
		case errors.Is(err, unix.EAGAIN):
			state = Busy
		case err == nil:
			unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_UNLCK)
			if !remote(fd) {
				state = Free
			}
		}
		return nil
	})
	return state
}

// remote reports whether others may write to the file without this kernel's
// knowing, so that a lease granted proves nothing.
func remote(fd int) bool {
	var st unix.Statfs_t
	if err := ignoringEINTR(func() error { return unix.Fstatfs(fd, &st) }); err != nil {
		return true
	}
	switch uint32(st.Type) {
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC,
		unix.FUSE_SUPER_MAGIC, unix.V9FS_MAGIC, unix.CEPH_SUPER_MAGIC, unix.AFS_SUPER_MAGIC,
		unix.AFS_FS_MAGIC, unix.CODA_SUPER_MAGIC, unix.NCP_SUPER_MAGIC, unix.OCFS2_SUPER_MAGIC,
		gfs2Magic, lustreMagic, vboxMagic, vmwareMagic:
		return true
	}
	return false
}

// Shared filesystems that x/sys/unix has no name for (statfs(2)).
const (
	gfs2Magic   = 0x01161970
	lustreMagic = 0x0bd00bd0
	vboxMagic   = 0x786f4256
	vmwareMagic = 0xbacbacbc
)

func ignoringEINTR(f func() error) error {
	for {
		if err := f(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
