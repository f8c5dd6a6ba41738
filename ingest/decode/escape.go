package decode

import (
	"bytes"
	"unicode/utf8"
)

// UTF-16 writes a character beyond U+FFFF as a high surrogate and a low one.
const (
	surrogateMin    = 0xd800
	lowSurrogateMin = 0xdc00
	surrogateMax    = 0xdfff
)

// hex4 reads the four hexadecimal digits at p.
func hex4(data []byte, p int) (rune, bool) {
	if p+4 > len(data) {
		return 0, false
	}
	var r rune
	for _, c := range data[p : p+4] {
		switch {
		case isDigit(c):
			c -= '0'
		case (c|0x20)-'a' <= 5:
			c = (c | 0x20) - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unescape appends the text of a JSON string to dst. raw is what stands
// between its quotes and has been scanned. The result is never longer than raw.
func unescape(dst, raw []byte) []byte {
	for {
		slash := bytes.IndexByte(raw, '\\')
		if slash < 0 {
			return append(dst, raw...)
		}
		dst = append(dst, raw[:slash]...)
		c := raw[slash+1]
		raw = raw[slash+2:]
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r, _ := hex4(raw, 0)
			raw = raw[4:]
			if r >= surrogateMin && r <= surrogateMax {
				low, _ := hex4(raw, 2)
				r = 0x10000 + (r-surrogateMin)<<10 + low - lowSurrogateMin
				raw = raw[6:]
			}
			dst = utf8.AppendRune(dst, r)
			continue
		}
		dst = append(dst, c)
	}
}

// undouble appends raw to dst with one quote for every two.
func undouble(dst, raw []byte, quote byte) []byte {
	for {
		n := bytes.IndexByte(raw, quote)
		if n < 0 {
			return append(dst, raw...)
		}
		dst, raw = append(dst, raw[:n+1]...), raw[n+2:]
	}
}
