package metainfo

import (
	"fmt"
	"io"

	"p2pfs/swarm/hashing"
)

// chain reads files one after the other.
type chain struct {
	s    *sources
	next int // the file after the one that is open
	open *io.LimitedReader
	done func() error // checks and closes it
}

func (c *chain) Read(p []byte) (int, error) {
	for {
		if c.open == nil {
			if c.next == len(c.s.files) {
				return 0, io.EOF
			}
			if err := c.step(); err != nil {
				return 0, err
			}
			continue
		}
		n, err := c.open.Read(p)
		if err != io.EOF {
			return n, err
		}
		if c.open.N > 0 {
			return n, fmt.Errorf("%q: %w", c.s.files[c.next-1].name, hashing.ErrLength)
		}
		if err := c.close(); err != nil || n > 0 {
			return n, err
		}
	}
}

// step opens the next file, unless it has no bytes.
func (c *chain) step() error {
	f := &c.s.files[c.next]
	c.next++
	if f.length == 0 {
		return nil
	}
	file, err := c.s.open(f)
	if err != nil {
		return err
	}
	c.open = &io.LimitedReader{R: file, N: f.length}
	c.done = func() error {
		defer file.Close()
		return f.unchanged(file)
	}
	return nil
}

func (c *chain) close() error {
	if c.open == nil {
		return nil
	}
	c.open = nil
	return c.done()
}
