package cache

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openNonblock keeps an open from waiting for the other end of a FIFO that
// somebody put in a piece's place.
const openNonblock = unix.O_NONBLOCK

// maxIov is IOV_MAX of Linux.
const maxIov = 1024

func (f osFile) WriteBlocks(blocks [][]byte, off int64) (int, error) {
	for {
		n, err := unix.Pwritev(int(f.f.Fd()), blocks[:min(len(blocks), maxIov)], off)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

func (f osFile) Info() (info, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.f.Fd()), &st); err != nil {
		return info{}, err
	}
	return info{
		size:    st.Size,
		alloc:   st.Blocks * 512,
		mtime:   st.Mtim.Nano(),
		ctime:   st.Ctim.Nano(),
		atime:   st.Atim.Nano(),
		ino:     st.Ino,
		regular: st.Mode&unix.S_IFMT == unix.S_IFREG,
		linked:  st.Nlink > 0,
	}, nil
}

func infoOf(fi fs.FileInfo) info {
	in := info{size: fi.Size(), mtime: fi.ModTime().UnixNano(), regular: fi.Mode().IsRegular()}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		in.alloc = st.Blocks * 512
		in.atime = st.Atim.Nano()
		in.ctime = st.Ctim.Nano()
		in.ino = st.Ino
		in.linked = st.Nlink > 0
	}
	return in
}

// syncAll flushes the file system of dir.
func syncAll(dir *os.File) error {
	return os.NewSyscallError("syncfs", unix.Syncfs(int(dir.Fd())))
}

func freeBytes(dir *os.File) (free, total int64, ok bool) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(dir.Fd()), &st); err != nil {
		return 0, 0, false
	}
	return int64(st.Bavail) * int64(st.Frsize), int64(st.Blocks) * int64(st.Frsize), true
}
