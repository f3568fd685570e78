package swarm

import "p2pfs/swarm/wire"

// onHashRequest answers a request for hashes (BEP 52).
func (l *loop) onHashRequest(r *remote, body []byte) error {
	q, err := wire.ParseHashRequest(body)
	if err != nil {
		return err
	}
	r.conn.Send(func(dst []byte) []byte { return wire.AppendHashReject(dst, q) })
	return nil
}
