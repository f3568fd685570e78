package inode

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Place names the boot of the machine and the mount that dir is on: what was
// written and not flushed is there while neither is another one. It is "" if
// that is not known.
func Place(dir string) string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	var st unix.Statx_t
	const mountUnique = 0x4000 // STATX_MNT_ID_UNIQUE, never given twice; Linux 6.8
	for _, mask := range []int{mountUnique, unix.STATX_MNT_ID} {
		if unix.Statx(unix.AT_FDCWD, dir, 0, mask, &st) == nil && int(st.Mask)&mask != 0 {
			return fmt.Sprintf("%s %x %d", strings.TrimSpace(string(boot)), mask, st.Mnt_id)
		}
	}
	return strings.TrimSpace(string(boot))
}

// syncDisk flushes the filesystem that f is on.
func syncDisk(f *os.File) error {
	return WithFd(f, func(fd int) error {
		if err := ignoringEINTR(func() error { return unix.Syncfs(fd) }); err != nil {
			return os.NewSyscallError("syncfs", err)
		}
		// ext4 says nothing of one that has shut down over an error, but here.
		return os.NewSyscallError("fsync", ignoringEINTR(func() error { return unix.Fsync(fd) }))
	})
}
