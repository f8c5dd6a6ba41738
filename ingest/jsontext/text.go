package jsontext

import "encoding/hex"

// AppendString appends text, which is valid UTF-8, as a JSON string.
func AppendString(dst, text []byte) []byte {
	dst = append(dst, '"')
	done := 0
	for i, c := range text {
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, text[done:i]...)
		done = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = hex.AppendEncode(append(dst, `\u00`...), []byte{c})
		}
	}
	return append(append(dst, text[done:]...), '"')
}
