package records

import "fmt"

// Elements calls f with the elements of a JSON array, or with the one value that
// body is if it is none. It looks no closer than to find where an element ends, so
// that one which is not valid spoils no other. An error says that body is no
// array: then f may have been called.
func Elements(body []byte, f func(element []byte)) error {
	p := skipSpace(body, 0)
	if p == len(body) {
		return fmt.Errorf("the body is empty")
	}
	if body[p] != '[' {
		f(body[p:])
		return nil
	}
	p = skipSpace(body, p+1)
	if p < len(body) && body[p] == ']' {
		return ended(body, p+1)
	}
	for {
		end := elementEnd(body, p)
		if end == len(body) {
			return fmt.Errorf("the array is not closed: the body ends at byte %d", len(body))
		}
		f(body[p:end])
		if body[end] == ']' {
			return ended(body, end+1)
		}
		p = skipSpace(body, end+1)
	}
}

func ended(body []byte, p int) error {
	if p = skipSpace(body, p); p < len(body) {
		return fmt.Errorf("there is text behind the array, at byte %d", p)
	}
	return nil
}

func skipSpace(body []byte, p int) int {
	for p < len(body) && (body[p] == ' ' || body[p] == '\t' || body[p] == '\n' || body[p] == '\r') {
		p++
	}
	return p
}

// elementEnd returns the position of the comma or bracket behind the element at p.
func elementEnd(body []byte, p int) int {
	for depth := 0; p < len(body); p++ {
		switch body[p] {
		case '"':
			for p++; p < len(body) && body[p] != '"'; p++ {
				if body[p] == '\\' {
					p++
				}
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				if body[p] == ']' {
					return p
				}
				continue // a brace too many is for the decoder to tell
			}
			depth--
		case ',':
			if depth == 0 {
				return p
			}
		}
	}
	return len(body)
}
