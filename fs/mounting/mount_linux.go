package mounting

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Options say how to mount. Every mount is nosuid and nodev, and the kernel
// checks its modes.
type Options struct {
	FSName     string // the source, first column of /proc/mounts; "" is Subtype
	AllowOther bool   // other users may enter, too
}

// arguments are what fusermount3 wants behind -o.
func (o Options) arguments() string {
	name := o.FSName
	if name == "" {
		name = Subtype
	}
	escape := strings.NewReplacer(`\`, `\\`, `,`, `\,`)
	all := "ro,default_permissions,subtype=" + Subtype + ",fsname=" + escape.Replace(name)
	if o.AllowOther {
		all += ",allow_other"
	}
	return all
}

// Mount mounts on a directory that Prepare returned, and answers INIT. The
// connection is the caller's to serve and to close; there is nothing mounted
// after an error.
func Mount(path string, o Options) (*Conn, error) {
	fd, err := fusermountDevice(path, o.arguments())
	if err != nil {
		return nil, err
	}
	c, err := connect(fd)
	if err != nil {
		unix.Close(fd)
		if m, ok, _ := At(path); ok && m.Ours() {
			m.Abandon()
		}
		return nil, err
	}
	c.readAhead(path)
	return c, nil
}

// fusermountDevice has fusermount3 mount, and returns the descriptor of the
// device that it sends back over a socket (fuse(4), _FUSE_COMMFD).
func fusermountDevice(path, arguments string) (int, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socketpair: %w", err)
	}
	defer unix.Close(pair[0])
	theirs := os.NewFile(uintptr(pair[1]), "fusermount3")
	cmd := helper("-o", arguments, "--", path)
	cmd.Env = append(cmd.Env, "_FUSE_COMMFD=3")
	cmd.ExtraFiles = []*os.File{theirs}
	out, err := cmd.CombinedOutput()
	theirs.Close()
	if err != nil {
		if text := strings.TrimSpace(string(out)); text != "" {
			return -1, errors.New(text)
		}
		return -1, fmt.Errorf("fusermount3: %w", err)
	}
	return receive(pair[0])
}

// receive takes one descriptor from a socket.
func receive(socket int) (int, error) {
	space := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(socket, make([]byte, 1), space, unix.MSG_CMSG_CLOEXEC)
	for err == unix.EINTR {
		_, n, _, _, err = unix.Recvmsg(socket, make([]byte, 1), space, unix.MSG_CMSG_CLOEXEC)
	}
	if err != nil {
		return -1, fmt.Errorf("fusermount3: receive: %w", err)
	}
	messages, err := unix.ParseSocketControlMessage(space[:n])
	if err != nil || len(messages) != 1 {
		return -1, errors.New("fusermount3 sent no descriptor")
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return -1, errors.New("fusermount3 sent no descriptor")
	}
	return fds[0], nil
}
