//go:build !purego

package hashing

// twoLanes says that the processor has the instructions for what is below.
var twoLanes = hasSHA()

func hasSHA() bool {
	if most, _, _ := cpuid(0); most < 7 {
		return false
	}
	_, _, features := cpuid(1)
	_, extended, _ := cpuid(7)
	const ssse3, sha = 1 << 9, 1 << 29
	return features&ssse3 != 0 && extended&sha != 0
}

// cpuid returns the registers that are looked at, of subleaf 0.
func cpuid(leaf uint32) (eax, ebx, ecx uint32)

// sha1Blocks takes n blocks, at least one, of a and b into their states.
//
//go:noescape
func sha1Blocks(h *[2]state1, a, b *byte, n int)

// sha256Blocks takes n blocks, at least one, of a and b into their states.
//
//go:noescape
func sha256Blocks(h *[2]state256, a, b *byte, n int)

// bothBlocks takes n blocks, at least one, of p into both states.
//
//go:noescape
func bothBlocks(h1 *state1, h256 *state256, p *byte, n int)
