package copytext

import "bytes"

// textValue takes the first value off a line of the format text.
func (r *Reader) textValue(line []byte) (value, rest []byte, more, null bool) {
	end, escaped := 0, false
	for ; end < len(line) && line[end] != r.format.Delimiter; end++ {
		if line[end] == '\\' && end+1 < len(line) {
			escaped = true
			end++
		}
	}
	raw := line[:end]
	if more = end < len(line); more {
		rest = line[end+1:]
	}
	switch {
	case string(raw) == r.format.Null:
		return raw, rest, more, true
	case !escaped:
		return raw, rest, more, false
	}
	return unescape(raw), rest, more, false
}

var textEscapes = map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v'}

// unescape replaces PostgreSQL's backslash sequences.
func unescape(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' || i+1 == len(raw) {
			out = append(out, raw[i])
			continue
		}
		i++
		switch b := raw[i]; {
		case textEscapes[b] != 0:
			out = append(out, textEscapes[b])
		case b >= '0' && b <= '7':
			v, n := digits(raw[i:], 3, 8)
			out = append(out, byte(v))
			i += n - 1
		case b == 'x' && i+1 < len(raw):
			v, n := digits(raw[i+1:], 2, 16)
			if n == 0 {
				out = append(out, b)
				continue
			}
			out = append(out, byte(v))
			i += n
		default:
			out = append(out, b)
		}
	}
	return out
}

// digits reads up to so many digits of a base, and returns how many there were.
func digits(raw []byte, most, base int) (v, n int) {
	for n < most && n < len(raw) {
		d := bytes.IndexByte([]byte("0123456789abcdef"), raw[n]|0x20)
		if raw[n] >= '0' && raw[n] <= '9' {
			d = int(raw[n] - '0')
		}
		if d < 0 || d >= base {
			break
		}
		v = v*base + d
		n++
	}
	return v, n
}

// csvValue takes the first value off a row of the format csv; it is nil when a
// quote does not end. Only a value without quotes can be NULL.
func (r *Reader) csvValue(line []byte) (value, rest []byte, more, null bool) {
	out := make([]byte, 0, 32)
	quoted, open := false, false
	i := 0
	for ; i < len(line); i++ {
		b := line[i]
		switch {
		case open && b == r.format.Escape && i+1 < len(line) && (line[i+1] == r.format.Quote || line[i+1] == r.format.Escape):
			i++
			out = append(out, line[i])
		case b == r.format.Quote:
			open, quoted = !open, true
		case !open && b == r.format.Delimiter:
			return out, line[i+1:], true, !quoted && string(out) == r.format.Null
		default:
			out = append(out, b)
		}
	}
	if open {
		return nil, nil, false, false
	}
	return out, nil, false, !quoted && string(out) == r.format.Null
}
