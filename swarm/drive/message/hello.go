package message

import "p2pfs/swarm/catalog"

func decodeProve(f fields) (Message, error) {
	var m Prove
	var err error
	if m.Version, err = f.int('v', 0, 1<<31-1); err != nil {
		return nil, err
	}
	err = f.fixed('m', m.MAC[:])
	return m, err
}

func decodeHello(f fields) (Message, error) {
	var m Hello
	name, err := f.bytes('n')
	if err != nil {
		return nil, err
	}
	m.Name = string(name)
	if err := catalog.CheckMemberName(m.Name); err != nil {
		return nil, err
	}
	port, err := f.int('p', 0, 65535)
	if err != nil {
		return nil, err
	}
	m.Port = uint16(port)
	if m.Version, err = f.int('v', 0, 1<<31-1); err != nil {
		return nil, err
	}
	if err := f.fixed('k', m.Key[:]); err != nil {
		return nil, err
	}
	if err = f.fixed('s', m.Sig[:]); err == nil && m.Version > 1 {
		err = decodeHello2(f, &m)
	}
	return m, err
}

// maxClock is the last time that a hello may tell, in seconds: the end of year
// 9999.
const maxClock = 253402300799

// decodeHello2 reads what a hello has had since version 2.
func decodeHello2(f fields, m *Hello) error {
	var err error
	if m.Clock, err = f.int64('c', 0, maxClock); err != nil {
		return err
	}
	if m.Began, err = f.int64('b', 0, maxClock*1_000_000); err != nil {
		return err
	}
	if _, ok := f['f']; ok {
		if _, err := f.int('f', 1, 1); err != nil {
			return err
		}
		m.Moved = true
	}
	return f.fixed('m', m.MAC[:])
}
