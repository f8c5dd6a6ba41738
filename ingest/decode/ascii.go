package decode

import "encoding/binary"

// IsASCII reports whether b is ASCII characters, none of them NUL: most texts
// are, and need no closer look.
func IsASCII(b []byte) bool {
	// A byte that is zero borrows into its high bit when 1 is subtracted, one above
	// 127 has it already.
	for ; len(b) >= 16; b = b[16:] {
		x, y := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
		if (x|(x-everyByte)|y|(y-everyByte))&everyHigh != 0 {
			return false
		}
	}
	if len(b) >= 8 {
		x := binary.LittleEndian.Uint64(b)
		if (x|(x-everyByte))&everyHigh != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c-1 > 126 {
			return false
		}
	}
	return true
}
