package decode

import (
	"fmt"
	"strconv"
	"strings"
)

// Path is where a value is in a record: the keys of objects and the indexes of
// arrays that lead to it, from the outermost on.
type Path []Step

// Step is one key or one index of a Path.
type Step struct {
	Key   string // of an object, if Index is negative
	Index int    // of an array's element, from 0 on; -1 for a key
}

// The limits of a path.
const (
	pathStepsMax = 32
	pathIndexMax = 9999
)

// ParsePath reads a path: keys with points between them, and indexes in brackets
// behind the array's, as in payment.lines[0].total. A key with a point, a bracket
// or a quote in it stands in double quotes, with quotes in it twice. $ may stand
// in front for the record.
func ParsePath(text string) (Path, error) {
	var path Path
	rest := text
	if after, ok := strings.CutPrefix(rest, "$"); ok && (after == "" || after[0] == '.' || after[0] == '[') {
		rest = strings.TrimPrefix(after, ".")
		if after == "" || after == "." {
			return nil, pathError(text, "it names no field")
		}
	}
	for first := true; rest != "" || first; first = false {
		var step Step
		var problem string
		if !first && rest[0] == '.' {
			step, rest, problem = keyStep(rest[1:])
		} else if rest != "" && rest[0] == '[' {
			step, rest, problem = indexStep(rest)
		} else {
			step, rest, problem = keyStep(rest)
		}
		if problem != "" {
			return nil, pathError(text, problem)
		}
		if path = append(path, step); len(path) > pathStepsMax {
			return nil, pathError(text, "it has more than "+strconv.Itoa(pathStepsMax)+" steps")
		}
	}
	if path[0].Index >= 0 {
		return nil, pathError(text, "it begins with an index, and a record is an object")
	}
	return path, nil
}

func pathError(text, problem string) error {
	return fmt.Errorf("path %q: %s; write it as 'payment.lines[0].total'", excerpt([]byte(text)), problem)
}

// keyStep reads the key at the beginning of text.
func keyStep(text string) (step Step, rest, problem string) {
	step.Index = -1
	if text != "" && text[0] == '"' {
		for i := 1; i < len(text); i++ {
			if text[i] != '"' {
				continue
			}
			if i+1 < len(text) && text[i+1] == '"' {
				i++
				continue
			}
			step.Key, rest = strings.ReplaceAll(text[1:i], `""`, `"`), text[i+1:]
			if rest != "" && rest[0] != '.' && rest[0] != '[' {
				return step, rest, "text behind a key in quotes"
			}
			return step, rest, ""
		}
		return step, "", "a quote is not closed"
	}
	end := strings.IndexAny(text, `.[]"`)
	if end < 0 {
		end = len(text)
	}
	step.Key, rest = text[:end], text[end:]
	switch {
	case end == 0:
		return step, rest, "a key is missing"
	case rest != "" && (rest[0] == ']' || rest[0] == '"'):
		return step, rest, fmt.Sprintf("%c is out of place", rest[0])
	}
	return step, rest, ""
}

// indexStep reads the index in brackets at the beginning of text.
func indexStep(text string) (step Step, rest, problem string) {
	digits, rest, closed := strings.Cut(text[1:], "]")
	index, err := strconv.ParseUint(digits, 10, 32)
	switch {
	case !closed:
		return step, "", "a bracket is not closed"
	case err != nil || index > pathIndexMax:
		return step, "", "an index is a number between 0 and " + strconv.Itoa(pathIndexMax)
	case rest != "" && rest[0] != '.' && rest[0] != '[':
		return step, "", "text behind an index"
	}
	return Step{Index: int(index)}, rest, ""
}

// String returns the path as ParsePath reads it.
func (p Path) String() string {
	var b strings.Builder
	for i, step := range p {
		switch {
		case step.Index >= 0:
			b.WriteString("[" + strconv.Itoa(step.Index) + "]")
			continue
		case i > 0:
			b.WriteByte('.')
		}
		if step.Key == "" || strings.ContainsAny(step.Key, `.[]"`) || i == 0 && step.Key[0] == '$' {
			b.WriteString(`"` + strings.ReplaceAll(step.Key, `"`, `""`) + `"`)
		} else {
			b.WriteString(step.Key)
		}
	}
	return b.String()
}
