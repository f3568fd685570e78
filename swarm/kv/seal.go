package kv

import "crypto/sha256"

// sealLen is the length in bytes of what Seal appends.
const sealLen = 8

// Seal appends a checksum over bucket, key and value to the value: one that was
// damaged, or stands in the wrong place, is known for what it is. It protects
// against disks, not against people.
func Seal(bucket, key, value []byte) []byte {
	sum := checksum(bucket, key, value)
	return append(value, sum[:]...)
}

// Unseal returns what Seal was given, as a part of value; false for anything
// else.
func Unseal(bucket, key, value []byte) ([]byte, bool) {
	if len(value) < sealLen {
		return nil, false
	}
	body, sum := value[:len(value)-sealLen], value[len(value)-sealLen:]
	return body, checksum(bucket, key, body) == [sealLen]byte(sum)
}

func checksum(bucket, key, value []byte) (sum [sealLen]byte) {
	h := sha256.New()
	h.Write(bucket)
	h.Write([]byte{0, byte(len(key))})
	h.Write(key)
	h.Write(value)
	var full [sha256.Size]byte
	copy(sum[:], h.Sum(full[:0]))
	return sum
}
