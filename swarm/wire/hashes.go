package wire

import "math/bits"

// hashRequestLen is the payload of a hash request: a root and four integers.
const hashRequestLen = 32 + 4*4

// HashRequest names a run of hashes in a file's merkle tree, and the proof
// that they belong to it (BEP 52). The same fields open a hashes message and
// make up a hash reject.
type HashRequest struct {
	Root        [32]byte // the file's pieces root
	BaseLayer   int      // 0 is the leaves, blocks of 16 KiB
	Index       int      // of the first hash in the base layer; a multiple of Length
	Length      int      // hashes of the base layer: a power of two, 2 to MaxHashes
	ProofLayers int      // layers above the base that the uncles cover, at most MaxProofLayers
}

// Uncles returns how many hashes of proof follow the Length hashes in the
// answer: the proof layers less those that the hashes themselves cover
// ("the first log2(length)-1 proof layers are omitted").
func (r HashRequest) Uncles() int {
	return max(0, r.ProofLayers-(bits.Len(uint(r.Length))-2))
}

// Valid reports whether r keeps to what BEP 52 demands of a request.
func (r HashRequest) Valid() bool {
	return r.BaseLayer >= 0 && r.BaseLayer < 64 && r.ProofLayers >= 0 &&
		r.ProofLayers <= MaxProofLayers && r.Length >= 2 && r.Length <= MaxHashes &&
		r.Length&(r.Length-1) == 0 && r.Index >= 0 && r.Index%r.Length == 0
}

// AppendHashRequest appends a hash request (BEP 52).
func AppendHashRequest(dst []byte, r HashRequest) []byte {
	return appendHashFields(AppendHeader(dst, MsgHashRequest, hashRequestLen), r)
}

// AppendHashReject appends the refusal of a hash request (BEP 52).
func AppendHashReject(dst []byte, r HashRequest) []byte {
	return appendHashFields(AppendHeader(dst, MsgHashReject, hashRequestLen), r)
}

// AppendHashes appends the answer to r (BEP 52): r.Length hashes of the base
// layer, then r.Uncles() of proof, from the lowest up. How many there are is
// the caller's to have right.
func AppendHashes[H ~[32]byte](dst []byte, r HashRequest, hashes, uncles []H) []byte {
	dst = AppendHeader(dst, MsgHashes, hashRequestLen+32*(len(hashes)+len(uncles)))
	dst = appendHashFields(dst, r)
	for i := range hashes {
		h := [32]byte(hashes[i])
		dst = append(dst, h[:]...)
	}
	for i := range uncles {
		h := [32]byte(uncles[i])
		dst = append(dst, h[:]...)
	}
	return dst
}

func appendHashFields(dst []byte, r HashRequest) []byte {
	dst = append(dst, r.Root[:]...)
	dst = appendInt(dst, r.BaseLayer)
	dst = appendInt(dst, r.Index)
	dst = appendInt(dst, r.Length)
	return appendInt(dst, r.ProofLayers)
}

// ParseHashRequest reads a hash request (BEP 52). With ErrRange, r is what
// was sent as far as it fits, so that it can be rejected rather than closed
// upon.
func ParseHashRequest(p []byte) (r HashRequest, err error) {
	return parseHashRequest(MsgHashRequest, p)
}

// ParseHashReject reads a hash reject, which repeats the request (BEP 52).
func ParseHashReject(p []byte) (r HashRequest, err error) {
	return parseHashRequest(MsgHashReject, p)
}

func parseHashRequest(id byte, p []byte) (r HashRequest, err error) {
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
func ParseHashes[H ~[32]byte](p []byte) (r HashRequest, hashes, uncles []H, err error) {
	if len(p) < hashRequestLen || (len(p)-hashRequestLen)%32 != 0 {
		return r, nil, nil, bad(MsgHashes, p, ErrLength)
	}
	r, ok := hashFields(p)
	if !ok {
		return HashRequest{}, nil, nil, bad(MsgHashes, p, ErrRange)
	}
	n := (len(p) - hashRequestLen) / 32
	if n != r.Length+r.Uncles() {
		return HashRequest{}, nil, nil, bad(MsgHashes, p, ErrLength)
	}
	all := make([]H, n)
	for i := range all {
		all[i] = H(p[hashRequestLen+32*i:][:32])
	}
	return r, all[:r.Length:r.Length], all[r.Length:], nil
}

// hashFields reads the fields before the hashes, and whether they are Valid.
func hashFields(p []byte) (r HashRequest, ok bool) {
	copy(r.Root[:], p)
	p = p[32:]
	fields := [4]*int{&r.BaseLayer, &r.Index, &r.Length, &r.ProofLayers}
	ok = true
	for i, f := range fields {
		var fits bool
		*f, fits = intAt(p, 4*i)
		ok = ok && fits
	}
	return r, ok && r.Valid()
}
