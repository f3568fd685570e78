package bencode

import (
	"bytes"
	"slices"
)

// scanner passes once over a value, without recursion. Its memory is one
// frame per open list or dictionary, the first 64 of them on the stack.
type scanner struct {
	data     []byte
	pos      int // next byte; where scan failed, if it did
	lim      Limits
	tokens   int
	unsorted []int // starts of dictionaries that are out of order
}

// frame is an open list or dictionary.
type frame struct {
	start            int // position of its 'l' or 'd'
	keyFrom, keyTo   int // the last key's bytes; 0, 0 before the first
	dict             bool
	wantValue, loose bool // a key awaits its value; keys are out of order
}

// scan reads one value and leaves pos behind it.
func (s *scanner) scan() error {
	var room [MaxDepth]frame
	stack := room[:0]
	for {
		if s.pos >= len(s.data) {
			return ErrTruncated
		}
		if s.pos >= s.lim.Bytes {
			return ErrLimit
		}
		c := s.data[s.pos]
		if top := len(stack) - 1; top >= 0 && c == 'e' {
			if stack[top].wantValue {
				return ErrInvalid
			}
			s.pos++
			stack = stack[:top]
		} else {
			f, err := s.token(c, stack)
			if err != nil {
				return err
			}
			if f.start >= 0 {
				stack = append(stack, f)
				continue
			}
		}
		if len(stack) == 0 {
			return s.repeated()
		}
	}
}

// token reads the start of a list or dictionary, which it returns as a frame,
// or a whole string or integer, for which the frame's start is -1.
func (s *scanner) token(c byte, stack []frame) (frame, error) {
	none := frame{start: -1}
	if s.tokens++; s.tokens > s.lim.Tokens {
		return none, ErrLimit
	}
	isKey := false
	if n := len(stack); n > 0 && stack[n-1].dict {
		isKey = !stack[n-1].wantValue
		stack[n-1].wantValue = isKey
	}
	switch {
	case '0' <= c && c <= '9':
		from, err := s.str()
		if err != nil || !isKey {
			return none, err
		}
		return none, s.key(&stack[len(stack)-1], from)
	case isKey:
		return none, ErrInvalid
	case c == 'i':
		return none, s.integer()
	case c == 'l' || c == 'd':
		if len(stack) >= s.lim.Depth {
			return none, ErrLimit
		}
		s.pos++
		return frame{start: s.pos - 1, dict: c == 'd'}, nil
	}
	return none, ErrInvalid
}

// key compares the key that ends at pos with the one before it.
func (s *scanner) key(f *frame, from int) error {
	key := s.data[from:s.pos]
	if f.keyTo > 0 {
		switch bytes.Compare(s.data[f.keyFrom:f.keyTo], key) {
		case 0:
			return ErrDuplicate
		case 1:
			if !s.lim.AllowUnsorted {
				return ErrUnsorted
			}
			if !f.loose {
				f.loose = true
				s.unsorted = append(s.unsorted, f.start)
			}
		}
	}
	f.keyFrom, f.keyTo = from, s.pos
	return nil
}

// str reads a string and returns where its bytes start.
func (s *scanner) str() (from int, err error) {
	n, from, err := length(s.data, s.pos)
	if err != nil {
		return 0, err
	}
	if n > len(s.data)-from {
		return 0, ErrTruncated
	}
	if n > s.lim.Bytes-from {
		return 0, ErrLimit
	}
	s.pos = from + n
	return from, nil
}

// length reads a string's length prefix at pos and returns it with the
// position behind its colon. It never exceeds len(data) by much.
func length(data []byte, pos int) (n, next int, err error) {
	for i := pos; i < len(data); i++ {
		switch c := data[i]; {
		case c == ':' && i > pos:
			if data[pos] == '0' && i > pos+1 {
				return 0, 0, ErrCanonical
			}
			return n, i + 1, nil
		case c < '0' || c > '9':
			return 0, 0, ErrInvalid
		case n > len(data):
			return 0, 0, ErrTruncated
		default:
			n = n*10 + int(c-'0')
		}
	}
	return 0, 0, ErrTruncated
}

// integer reads i...e.
func (s *scanner) integer() error {
	_, next, err := number(s.data, s.pos)
	if err == nil {
		if next > s.lim.Bytes {
			return ErrLimit
		}
		s.pos = next
	}
	return err
}

// number reads the integer at pos and returns it with the position behind it.
func number(data []byte, pos int) (v int64, next int, err error) {
	i := pos + 1
	neg := i < len(data) && data[i] == '-'
	if neg {
		i++
	}
	first := i
	const cut = 1 << 63 / 10
	var u uint64 // magnitude: at most 2^63, below by one where positive
	for ; i < len(data) && '0' <= data[i] && data[i] <= '9'; i++ {
		if u > cut {
			return 0, 0, ErrOverflow
		}
		u = u*10 + uint64(data[i]-'0')
	}
	switch {
	case i >= len(data):
		return 0, 0, ErrTruncated
	case data[i] != 'e' || i == first:
		return 0, 0, ErrInvalid
	case data[first] == '0' && (neg || i > first+1):
		return 0, 0, ErrCanonical
	case u > 1<<63 || u == 1<<63 && !neg:
		return 0, 0, ErrOverflow
	case neg:
		return -int64(u), i + 1, nil // -2^63 survives both conversions
	}
	return int64(u), i + 1, nil
}

// repeated looks for repeated keys in the dictionaries that are out of order.
func (s *scanner) repeated() error {
	for _, start := range s.unsorted {
		var keys [][]byte
		c := Cursor{data: s.data, pos: start}
		err := c.Dict(func(key []byte) error {
			keys = append(keys, key)
			return nil
		})
		if err != nil {
			return err
		}
		slices.SortFunc(keys, bytes.Compare)
		for i := 1; i < len(keys); i++ {
			if bytes.Equal(keys[i-1], keys[i]) {
				s.pos = start
				return ErrDuplicate
			}
		}
	}
	return nil
}
