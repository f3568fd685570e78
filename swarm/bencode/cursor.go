package bencode

import "fmt"

// Cursor walks front to back over a checked value and copies nothing: the
// slices it returns are parts of the data it was made from.
type Cursor struct {
	data []byte // canonical: only types can still be wrong
	pos  int
}

// NewCursor checks data as Check does and returns a cursor in front of it.
func NewCursor(data []byte, lim Limits) (*Cursor, error) {
	if err := Check(data, lim); err != nil {
		return nil, err
	}
	return &Cursor{data: data}, nil
}

// Walk returns a cursor in front of data that Check has passed before. With
// other data its methods may panic.
func Walk(data []byte) *Cursor { return &Cursor{data: data} }

// Sub reads any value and returns a cursor in front of it alone.
func (c *Cursor) Sub() *Cursor { return &Cursor{data: c.Raw()} }

// Kind is the type of a value: the byte it begins with, or 's' for a string.
type Kind byte

// The kinds of a value. End stands for the end of a list or dictionary and of
// the data.
const (
	End    Kind = 'e'
	Int    Kind = 'i'
	List   Kind = 'l'
	Dict   Kind = 'd'
	String Kind = 's'
)

// TypeError says that a value is of another kind than its place asks for.
type TypeError struct {
	Offset    int
	Got, Want Kind
}

// Error implements error.
func (e *TypeError) Error() string {
	return fmt.Sprintf("bencode: byte %d: is of kind %q, not %q", e.Offset, byte(e.Got), byte(e.Want))
}

// Kind returns the kind of the next value, which is not read.
func (c *Cursor) Kind() Kind {
	if c.pos >= len(c.data) {
		return End
	}
	if b := c.data[c.pos]; b < '0' || b > '9' {
		return Kind(b)
	}
	return String
}

func (c *Cursor) expect(want Kind) error {
	if got := c.Kind(); got != want {
		return &TypeError{c.pos, got, want}
	}
	return nil
}

// Int reads an integer.
func (c *Cursor) Int() (int64, error) {
	if err := c.expect(Int); err != nil {
		return 0, err
	}
	v, next, err := number(c.data, c.pos)
	if err != nil {
		return 0, &SyntaxError{c.pos, err}
	}
	c.pos = next
	return v, nil
}

// Bytes reads a string.
func (c *Cursor) Bytes() ([]byte, error) {
	if err := c.expect(String); err != nil {
		return nil, err
	}
	n, from, err := length(c.data, c.pos)
	if err != nil {
		return nil, &SyntaxError{c.pos, err}
	}
	c.pos = from + n
	return c.data[from:c.pos:c.pos], nil
}

// Raw reads any value and returns its bytes as they stand.
func (c *Cursor) Raw() []byte {
	from := c.pos
	c.Skip()
	return c.data[from:c.pos:c.pos]
}

// Skip passes over the next value, however deep.
func (c *Cursor) Skip() {
	for depth := 0; ; {
		switch c.Kind() {
		case List, Dict:
			depth++
			c.pos++
		case Int:
			for c.data[c.pos] != 'e' {
				c.pos++
			}
			c.pos++
		case String:
			n, from, _ := length(c.data, c.pos)
			c.pos = from + n
		default:
			if depth == 0 {
				return
			}
			depth--
			c.pos++
		}
		if depth == 0 {
			return
		}
	}
}

// Dict reads a dictionary: f is called for each key, in the order of the
// data, and may read the key's value. What it leaves unread is skipped. The
// first error of f ends the walk.
func (c *Cursor) Dict(f func(key []byte) error) error {
	if err := c.expect(Dict); err != nil {
		return err
	}
	for c.pos++; c.Kind() != End; {
		key, err := c.Bytes()
		if err != nil {
			return err
		}
		at := c.pos
		if err := f(key); err != nil {
			return err
		}
		if c.pos == at {
			c.Skip()
		}
	}
	c.pos++
	return nil
}

// List reads a list: f is called in front of each element, and may read it.
// What it leaves unread is skipped. The first error of f ends the walk.
func (c *Cursor) List(f func() error) error {
	if err := c.expect(List); err != nil {
		return err
	}
	for c.pos++; c.Kind() != End; {
		at := c.pos
		if err := f(); err != nil {
			return err
		}
		if c.pos == at {
			c.Skip()
		}
	}
	c.pos++
	return nil
}
