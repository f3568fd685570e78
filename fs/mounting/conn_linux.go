package mounting

import (
	"fmt"
	"os"
	"reflect"
	"unsafe"

	"bazil.org/fuse"
)

// A Conn is the connection of one mount: the library's, which reads and parses
// the requests, and the device itself, for answers that the library cannot give
// or gives at the cost of copies.
type Conn struct {
	*fuse.Conn
	Device int // its descriptor; Close of the library's connection closes it
}

// newConn hands the device of a mount, whose INIT was answered, to the library.
// Those fields are private there; the version of the library is fixed by
// go.sum, and TestLibrary fails with one that is made otherwise.
func newConn(fd int, proto fuse.Protocol, flags fuse.InitFlags) (*Conn, error) {
	conn := &fuse.Conn{}
	v := reflect.ValueOf(conn).Elem()
	dev, err1 := private[*os.File](v, "dev")
	version, err2 := private[fuse.Protocol](v, "proto")
	granted, err3 := private[fuse.InitFlags](v, "flags")
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			return nil, err
		}
	}
	*dev, *version, *granted = os.NewFile(uintptr(fd), fuseDevice), proto, flags
	return &Conn{conn, fd}, nil
}

// private returns the place of a field that the library does not export.
func private[T any](v reflect.Value, name string) (*T, error) {
	f := v.FieldByName(name)
	if !f.IsValid() || f.Type() != reflect.TypeFor[T]() {
		return nil, fmt.Errorf("bazil.org/fuse is not the version that p2pfs was made for: no %s in %s", name, v.Type())
	}
	return (*T)(unsafe.Pointer(f.UnsafeAddr())), nil
}

// header is the length of struct fuse_in_header.
const header = 40

// Body returns what stands behind the header of a request that the library does
// not know; nil if it cannot be had. It is valid until the request is answered.
func Body(r *fuse.UnrecognizedRequest) []byte {
	msg := reflect.ValueOf(&r.Header).Elem().FieldByName("msg")
	if !msg.IsValid() || msg.Kind() != reflect.Pointer || msg.IsNil() {
		return nil
	}
	buf, err := private[[]byte](reflect.NewAt(msg.Type().Elem(), msg.UnsafePointer()).Elem(), "buf")
	if err != nil || len(*buf) < header {
		return nil
	}
	return (*buf)[header:]
}
