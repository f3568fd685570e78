// Package serve reads published files, and gives no byte that is not as it was
// published.
//
// Before bytes are given, the open file is asked whether it still has the size,
// time and inode that were hashed, and afterwards again. Where only its change
// time is another one (it was renamed, or its mode set, or somebody put the
// modification time back), each piece is verified against its hash before any
// of it is given; when all have been, that is put on record.
//
// A bounded number of files is kept open, and no descriptor for longer than it
// is of use. What is found wrong about a file is told to Config.Doubt; who looks
// into it, and what is published then, is not known here. All is safe for
// concurrent use, and nobody waits but for the disk, and for who verifies the
// same file.
package serve
