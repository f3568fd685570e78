package disk

import (
	"io/fs"
	"os"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// openNonblock keeps an open from waiting for the other end of a FIFO.
const openNonblock = unix.O_NONBLOCK

// maxIov is IOV_MAX of Linux.
const maxIov = 1024

// pwritev writes blocks at off, as many as one call can take, and returns
// the number of bytes written.
func pwritev(f *os.File, blocks [][]byte, off int64) (int, error) {
	for {
		n, err := unix.Pwritev(int(f.Fd()), blocks[:min(len(blocks), maxIov)], off)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

// preadCached fills p, or the beginning of it, with what the kernel has in
// memory of f at off, and returns how many bytes that were: 0 also where the
// file system cannot tell. As it waits for no disk, the scheduler is not told
// of the call, which costs less.
func preadCached(f *os.File, p []byte, off int64) int {
	if len(p) == 0 {
		return 0
	}
	iov := unix.Iovec{Base: &p[0]}
	iov.SetLen(len(p))
	n, _, errno := syscall.RawSyscall6(unix.SYS_PREADV2, f.Fd(), uintptr(unsafe.Pointer(&iov)), 1,
		uintptr(off), uintptr(off>>32), unix.RWF_NOWAIT)
	runtime.KeepAlive(p)
	if errno != 0 {
		return 0
	}
	return int(n)
}

// identify describes an open file, and says whether it still has a name.
func identify(f *os.File) (id ident, linked bool, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return ident{}, false, err
	}
	return ident{st.Size, st.Mtim.Nano(), st.Ino}, st.Nlink > 0, nil
}

// identOf is identify for a file that is not open.
func identOf(fi fs.FileInfo) ident {
	id := ident{size: fi.Size(), mtime: fi.ModTime().UnixNano()}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		id.ino = st.Ino
	}
	return id
}

// isHole reports whether n bytes of f at off, all before its end, are a hole.
// It moves f's position, which nothing depends on.
func isHole(f *os.File, off, n int64) bool {
	data, err := unix.Seek(int(f.Fd()), off, unix.SEEK_DATA)
	return err == unix.ENXIO || err == nil && data >= off+n
}

// bootID names the current boot of the machine; "" when it is not known.
func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}
