package wire

import "p2pfs/swarm/hashing"

// hashRequestLen is the payload of a hash request: a root and four integers.
const hashRequestLen = 32 + 4*4

// valid reports whether r keeps to what BEP 52 demands of a request.
func valid(r hashing.HashRequest) bool {
	return r.BaseLayer >= 0 && r.BaseLayer < 64 && r.ProofLayers >= 0 &&
		r.ProofLayers <= MaxProofLayers && r.Length >= 2 && r.Length <= hashing.MaxHashes &&
		r.Length&(r.Length-1) == 0 && r.Index >= 0 && r.Index%r.Length == 0
}

// AppendHashRequest appends a hash request (BEP 52).
func AppendHashRequest(dst []byte, r hashing.HashRequest) []byte {
	return appendHashFields(AppendHeader(dst, MsgHashRequest, hashRequestLen), r)
}

// AppendHashReject appends the refusal of a hash request (BEP 52).
func AppendHashReject(dst []byte, r hashing.HashRequest) []byte {
	return appendHashFields(AppendHeader(dst, MsgHashReject, hashRequestLen), r)
}

// AppendHashes appends the answer to r (BEP 52): r.Length hashes of the base
// layer, then r.Uncles() of proof, from the lowest up. How many there are is
// the caller's to have right.
func AppendHashes(dst []byte, r hashing.HashRequest, hashes, uncles []hashing.Hash256) []byte {
	dst = AppendHeader(dst, MsgHashes, hashRequestLen+32*(len(hashes)+len(uncles)))
	dst = appendHashFields(dst, r)
	for i := range hashes {
		dst = append(dst, hashes[i][:]...)
	}
	for i := range uncles {
		dst = append(dst, uncles[i][:]...)
	}
	return dst
}

func appendHashFields(dst []byte, r hashing.HashRequest) []byte {
	dst = append(dst, r.Root[:]...)
	dst = appendInt(dst, r.BaseLayer)
	dst = appendInt(dst, r.Index)
	dst = appendInt(dst, r.Length)
	return appendInt(dst, r.ProofLayers)
}

// ParseHashRequest reads a hash request (BEP 52). With ErrRange, r is what
// was sent as far as it fits, so that it can be rejected rather than closed
// upon.
func ParseHashRequest(p []byte) (r hashing.HashRequest, err error) {
	return parseHashRequest(MsgHashRequest, p)
}

// ParseHashReject reads a hash reject, which repeats the request (BEP 52).
func ParseHashReject(p []byte) (r hashing.HashRequest, err error) {
	return parseHashRequest(MsgHashReject, p)
}

func parseHashRequest(id byte, p []byte) (r hashing.HashRequest, err error) {
	if len(p) != hashRequestLen {
		return r, bad(id, p, ErrLength)
	}
	r, ok := hashFields(p)
	if !ok {
		return r, bad(id, p, ErrRange)
	}
	return r, nil
}

// ParseHashes reads the answer to a hash request (BEP 52), hashes and uncles
// copied out of p. That it answers a request of ours, and that the proof
// holds, is for the caller to check. ErrLength if there are not as many
// hashes as r tells.
func ParseHashes(p []byte) (r hashing.HashRequest, hashes, uncles []hashing.Hash256, err error) {
	if len(p) < hashRequestLen || (len(p)-hashRequestLen)%32 != 0 {
		return r, nil, nil, bad(MsgHashes, p, ErrLength)
	}
	r, ok := hashFields(p)
	if !ok {
		return hashing.HashRequest{}, nil, nil, bad(MsgHashes, p, ErrRange)
	}
	all, _ := hashing.SplitHashes(p[hashRequestLen:])
	if len(all) != r.Length+r.Uncles() {
		return hashing.HashRequest{}, nil, nil, bad(MsgHashes, p, ErrLength)
	}
	return r, all[:r.Length:r.Length], all[r.Length:], nil
}

// hashFields reads the fields before the hashes, and whether they are valid.
func hashFields(p []byte) (r hashing.HashRequest, ok bool) {
	copy(r.Root[:], p)
	p = p[32:]
	fields := [4]*int{&r.BaseLayer, &r.Index, &r.Length, &r.ProofLayers}
	ok = true
	for i, f := range fields {
		var fits bool
		*f, fits = intAt(p, 4*i)
		ok = ok && fits
	}
	return r, ok && valid(r)
}
