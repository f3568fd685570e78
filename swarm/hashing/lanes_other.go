//go:build !amd64 || purego

package hashing

const twoLanes = false

func sha1Blocks(*[2]state1, *byte, *byte, int) { panic("hashing: no two lanes") }

func sha256Blocks(*[2]state256, *byte, *byte, int) { panic("hashing: no two lanes") }

func bothBlocks(*state1, *state256, *byte, int) { panic("hashing: no two lanes") }
