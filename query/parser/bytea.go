package parser

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// ParseBytea reads PostgreSQL's two formats of bytes: \x0aff, and the older a\\b\001.
// It reports false for a text that is neither.
func ParseBytea(text string) ([]byte, bool) {
	if digits, ok := strings.CutPrefix(text, `\x`); ok {
		bytes, err := hex.DecodeString(strings.Join(strings.Fields(digits), ""))
		return bytes, err == nil
	}
	bytes := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] != '\\':
			bytes = append(bytes, text[i])
		case strings.HasPrefix(text[i:], `\\`):
			bytes = append(bytes, '\\')
			i++
		default:
			if i+3 >= len(text) {
				return nil, false
			}
			octal, err := strconv.ParseUint(text[i+1:i+4], 8, 8)
			if err != nil {
				return nil, false
			}
			bytes = append(bytes, byte(octal))
			i += 3
		}
	}
	return bytes, true
}
