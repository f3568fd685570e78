package drive

import "p2pfs/swarm/catalog"

func decodeProve(f fields) (message, error) {
	var m prove
	var err error
	if m.version, err = f.int('v', 0, 1<<31-1); err != nil {
		return nil, err
	}
	err = f.fixed('m', m.mac[:])
	return m, err
}

func decodeHello(f fields) (message, error) {
	var m hello
	name, err := f.bytes('n')
	if err != nil {
		return nil, err
	}
	m.name = string(name)
	if err := catalog.CheckMemberName(m.name); err != nil {
		return nil, err
	}
	port, err := f.int('p', 0, 65535)
	if err != nil {
		return nil, err
	}
	m.port = uint16(port)
	if m.version, err = f.int('v', 0, 1<<31-1); err != nil {
		return nil, err
	}
	if err := f.fixed('k', m.key[:]); err != nil {
		return nil, err
	}
	if err = f.fixed('s', m.sig[:]); err == nil && m.version > 1 {
		err = decodeHello2(f, &m)
	}
	return m, err
}

// maxClock is the last time that a hello may tell, in seconds: the end of year
// 9999.
const maxClock = 253402300799

// decodeHello2 reads what a hello has had since version 2.
func decodeHello2(f fields, m *hello) error {
	var err error
	if m.clock, err = f.int64('c', 0, maxClock); err != nil {
		return err
	}
	if m.began, err = f.int64('b', 0, maxClock*1_000_000); err != nil {
		return err
	}
	if _, ok := f['f']; ok {
		if _, err := f.int('f', 1, 1); err != nil {
			return err
		}
		m.moved = true
	}
	return f.fixed('m', m.mac[:])
}
