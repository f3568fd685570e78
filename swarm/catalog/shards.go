package catalog

// shards makes the objects of one directory and returns the topmost one.
func (b *Builder) shards(items []item) (Hash, error) {
	sizes, marks := make([]int, len(items)), make([]uint64, len(items))
	for i := range items {
		b.buf = items[i].append(b.buf[:0])
		sizes[i], marks[i] = len(b.buf), mark(items[i].name)
	}
	cuts := split(sizes, marks)
	kids := make([]kid, len(cuts))
	for i, c := range cuts {
		h, err := b.emit(appendShard(nil, items[c.from:c.to]))
		if err != nil {
			return h, err
		}
		kids[i].hash = h
		if c.from < c.to {
			kids[i].first = items[c.from].name
		}
	}
	for level := 1; len(kids) > 1; level++ {
		var err error
		if kids, err = b.index(level, kids); err != nil {
			return Hash{}, err
		}
	}
	return kids[0].hash, nil
}

// index puts one level of index objects above kids.
func (b *Builder) index(level int, kids []kid) ([]kid, error) {
	sizes, marks := make([]int, len(kids)), make([]uint64, len(kids))
	for i := range kids {
		b.buf = kids[i].append(b.buf[:0])
		sizes[i], marks[i] = len(b.buf), mark(kids[i].first)
	}
	cuts := split(sizes, marks)
	above := make([]kid, len(cuts))
	for i, c := range cuts {
		h, err := b.emit(appendIndex(nil, level, kids[c.from:c.to]))
		if err != nil {
			return nil, err
		}
		above[i] = kid{kids[c.from].first, h}
	}
	return above, nil
}

func (b *Builder) emit(data []byte) (Hash, error) {
	h := HashObject(data)
	return h, b.put(h, data)
}
