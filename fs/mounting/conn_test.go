//go:build linux

package mounting

import (
	"encoding/binary"
	"os"
	"strings"
	"testing"

	"bazil.org/fuse"
	"golang.org/x/sys/unix"
)

// packet makes a socket on which a message is read whole, as on the device, and
// returns our end and the kernel's.
func packet(t *testing.T) (ours, kernels int) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(pair[1]) })
	return pair[0], pair[1]
}

// request is a FUSE request with a body of words.
func request(opcode uint32, id uint64, words ...uint32) []byte {
	b := make([]byte, header, header+4*len(words))
	ne := binary.NativeEndian
	ne.PutUint32(b, uint32(header+4*len(words)))
	ne.PutUint32(b[4:], opcode)
	ne.PutUint64(b[8:], id)
	for _, w := range words {
		b = ne.AppendUint32(b, w)
	}
	return b
}

// The library is made as newConn and Body think: it reads requests from the
// device that it was handed, and shows their bytes.
func TestLibrary(t *testing.T) {
	ours, kernels := packet(t)
	c, err := newConn(ours, newest, libraryFlags)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if p := c.Protocol(); p != newest {
		t.Errorf("the library takes the protocol for %v", p)
	}
	const readdirplus = 44
	if _, err := unix.Write(kernels, request(readdirplus, 7, 1, 2, 3)); err != nil {
		t.Fatal(err)
	}
	r, err := c.ReadRequest()
	if err != nil {
		t.Fatal(err)
	}
	u, ok := r.(*fuse.UnrecognizedRequest)
	if !ok {
		t.Fatalf("read %T", r)
	}
	if b := Body(u); len(b) != 12 || binary.NativeEndian.Uint32(b[8:]) != 3 {
		t.Errorf("body is %x", b)
	}
	u.RespondError(unix.ENOSYS)
}

func TestAnswerInit(t *testing.T) {
	const all = 1<<30 - 1
	tests := []struct {
		name   string
		in     []byte
		size   int
		minor  uint32
		flags  fuse.InitFlags
		errHas string
	}{
		{"of today", request(opInit, 1, 7, 45, 128<<10, all, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), 80, 33, initFlags, ""},
		{"without large reads", request(opInit, 1, 7, 27, 128<<10, uint32(all&^fuse.InitMaxPages)), 80, 27, initFlags &^ fuse.InitMaxPages, ""},
		{"with the short answer", request(opInit, 1, 7, 22, 128<<10, 0), 40, 22, 0, ""},
		{"too old", request(opInit, 1, 7, 16, 0, 0), 0, 0, 0, "FUSE 7.16"},
		{"of another major", request(opInit, 1, 8, 1, 0, 0), 0, 0, 0, "FUSE 8.1"},
		{"not first", request(44, 1, 7, 33, 0, 0), 0, 0, 0, "FUSE_INIT"},
		{"short", request(opInit, 1, 7, 33), 0, 0, 0, "FUSE_INIT"},
		{"nothing", nil, 0, 0, 0, "FUSE_INIT"},
	}
	for _, tt := range tests {
		out, proto, flags, err := answerInit(tt.in)
		if tt.errHas != "" {
			if err == nil || !strings.Contains(err.Error(), tt.errHas) {
				t.Errorf("%s: %v, want %q", tt.name, err, tt.errHas)
			}
			continue
		}
		if err != nil || len(out) != tt.size || proto.Minor != tt.minor || flags != tt.flags {
			t.Errorf("%s: %d bytes, %v, %v, %v", tt.name, len(out), proto, flags, err)
			continue
		}
		ne := binary.NativeEndian
		if ne.Uint32(out) != uint32(tt.size) || ne.Uint64(out[8:]) != 1 || ne.Uint32(out[16:]) != 7 || ne.Uint32(out[28:]) != uint32(tt.flags) {
			t.Errorf("%s: answer %x", tt.name, out)
		}
		if flags&fuse.InitAsyncRead != 0 {
			t.Errorf("%s: reads would be deaf to signals", tt.name)
		}
	}
}

// A descriptor comes over a socket, and nothing else does.
func TestReceive(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	if err := unix.Sendmsg(pair[1], []byte{0}, unix.UnixRights(int(os.Stderr.Fd())), nil, 0); err != nil {
		t.Fatal(err)
	}
	fd, err := receive(pair[0])
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
	unix.Write(pair[1], []byte{0})
	if _, err := receive(pair[0]); err == nil {
		t.Error("a message without a descriptor was taken")
	}
	unix.Close(pair[1])
	if _, err := receive(pair[0]); err == nil {
		t.Error("the end of the socket was taken for a descriptor")
	}
}
