package metainfo

import (
	"strconv"
	"strings"
)

// str writes a string in bencode.
func str(s string) string { return strconv.Itoa(len(s)) + ":" + s }

// each joins f(0) to f(n-1).
func each(n int, f func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(f(i))
	}
	return b.String()
}

// rawList is a version 1 dictionary with this text for its list.
func rawList(files string, numPieces int) string {
	return "d5:filesl" + files + "e4:name1:d12:piece lengthi32768e6:pieces" + str(pieces(numPieces)) + "e"
}

// rawTree is a version 2 dictionary with this text for its tree.
func rawTree(tree string) string {
	return "d9:file treed" + tree + "e12:meta versioni2e4:name1:d12:piece lengthi32768ee"
}

func rawHybrid(tree, files string) string {
	return "d9:file treed" + tree + "e5:filesl" + files + "e12:meta versioni2e4:name1:d12:piece lengthi32768e6:pieces0:e"
}

// short returns different names of few bytes that are in order.
func short(i int) string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	var b [4]byte
	for k := len(b) - 1; k >= 0; k-- {
		b[k] = digits[i%36]
		i /= 36
	}
	return string(b[:])
}

func emptyEntry(i int) string { return "d6:lengthi0e4:pathl" + str(short(i)) + "ee" }
func emptyLeaf(i int) string  { return str(short(i)) + "d0:d6:lengthi0eee" }

const emptyFile = "d0:d6:lengthi0eee"

// grouped is a tree of n empty files of names of one byte, which takes the
// fewest bytes a file.
func grouped(n int) string {
	return each(n/70, func(i int) string {
		return str(short(i)) + "d" + each(70, func(k int) string { return "1:" + string(rune('0'+k)) + emptyFile }) + "e"
	})
}
