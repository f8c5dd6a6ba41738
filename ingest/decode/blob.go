package decode

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
)

// appendBlob appends the bytes that text stands for: hexadecimal digits behind
// \x, as Postgres writes them, or else base64 in the standard alphabet, padded
// or not.
func appendBlob(dst, text []byte) ([]byte, fault) {
	if len(text) >= 2 && text[0] == '\\' && text[1] == 'x' {
		dst, err := hex.AppendDecode(dst, text[2:])
		if err != nil {
			return dst, malformed
		}
		return dst, fine
	}
	// The decoder of base64 would pass over line breaks; a value has none.
	if slices.Contains(text, '\n') || slices.Contains(text, '\r') {
		return dst, malformed
	}
	encoding := base64.StdEncoding
	if len(text)%4 != 0 {
		encoding = base64.RawStdEncoding
	}
	dst, err := encoding.AppendDecode(dst, text)
	if err != nil {
		return dst, malformed
	}
	return dst, fine
}
