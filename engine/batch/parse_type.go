package batch

import (
	"fmt"
	"strings"
)

// ParseType reads an SQL type name in Postgres's or DuckDB's spelling, in any
// letter case: INT, BIGINT, NUMERIC(12,2), TIMESTAMPTZ, VARCHAR(20), TEXT[],
// STRUCT(a INT, "b c" DATE), MAP(VARCHAR, DOUBLE), … Names of fields are lower case
// unless they are quoted, as those of columns are. The error names the type.
func ParseType(name string) (Type, error) {
	p := typeParser{name: name, rest: name}
	t, err := p.parse(0)
	if p.skipSpace(); err == nil && p.rest != "" {
		err = p.problem()
	}
	if err != nil {
		return Type{}, err
	}
	return t, nil
}

// typeParser reads a type from the beginning of rest.
type typeParser struct {
	name, rest string
}

func (p *typeParser) problem() error { return fmt.Errorf("type %q does not exist", p.name) }

func (p *typeParser) skipSpace() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

// accept steps over a mark, if it comes next.
func (p *typeParser) accept(mark string) bool {
	p.skipSpace()
	rest, ok := strings.CutPrefix(p.rest, mark)
	if ok {
		p.rest = rest
	}
	return ok
}

// parse reads a type that is inside of depth others.
func (p *typeParser) parse(depth int) (Type, error) {
	if depth > 2*NestedDepthMax { // so that no text makes it recurse for ever
		return Type{}, fmt.Errorf("a type is nested deeper than %d levels: declare what is inside as JSON", NestedDepthMax)
	}
	p.skipSpace()
	t, err := p.base(depth)
	for err == nil && p.accept("[") {
		if !p.accept("]") {
			return Type{}, fmt.Errorf("type %q has lists of a fixed length, which are not supported: write [] for a list of any length", p.name)
		}
		t, err = ListOf(t)
	}
	return t, err
}

// base reads a type without the brackets of a list behind it.
func (p *typeParser) base(depth int) (Type, error) {
	open := strings.IndexByte(p.rest, '(')
	word := ""
	if open >= 0 {
		word = strings.ToUpper(strings.TrimSpace(p.rest[:open]))
	}
	switch word {
	case "STRUCT", "ROW":
		p.rest = p.rest[open+1:]
		return p.fields(depth)
	case "MAP":
		p.rest = p.rest[open+1:]
		return p.entry(depth)
	}
	return parseScalar(p.scalar())
}

// fields reads the fields of a STRUCT and the parenthesis behind them.
func (p *typeParser) fields(depth int) (Type, error) {
	var fields []Column
	for {
		name, ok := p.identifier()
		if !ok {
			return Type{}, p.problem()
		}
		t, err := p.parse(depth + 1)
		if err != nil {
			return Type{}, err
		}
		fields = append(fields, Column{Name: name, Type: t})
		if p.accept(")") {
			return StructOf(fields)
		}
		if !p.accept(",") {
			return Type{}, p.problem()
		}
	}
}

// entry reads the types of a MAP's keys and values and the parenthesis behind them.
func (p *typeParser) entry(depth int) (Type, error) {
	key, err := p.parse(depth + 1)
	if err != nil {
		return Type{}, err
	}
	if !p.accept(",") {
		return Type{}, p.problem()
	}
	value, err := p.parse(depth + 1)
	if err != nil {
		return Type{}, err
	}
	if !p.accept(")") {
		return Type{}, p.problem()
	}
	return MapOf(key, value)
}

// identifier reads the name of a field.
func (p *typeParser) identifier() (string, bool) {
	p.skipSpace()
	if !strings.HasPrefix(p.rest, `"`) {
		end := strings.IndexAny(p.rest, " \t\r\n(),[]\"")
		if end <= 0 {
			return "", false
		}
		name := p.rest[:end]
		p.rest = p.rest[end:]
		return strings.ToLower(name), true
	}
	for end := 1; end < len(p.rest); end++ {
		switch {
		case p.rest[end] != '"':
		case end+1 < len(p.rest) && p.rest[end+1] == '"':
			end++
		default:
			name := strings.ReplaceAll(p.rest[1:end], `""`, `"`)
			p.rest = p.rest[end+1:]
			return name, true
		}
	}
	return "", false
}

// scalar reads the text of a scalar type: up to a comma, bracket or parenthesis
// that is not its own.
func (p *typeParser) scalar() string {
	depth, end := 0, 0
scan:
	for ; end < len(p.rest); end++ {
		switch c := p.rest[end]; {
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth == 0 && (c == ')' || c == ',' || c == '[' || c == ']'):
			break scan
		}
	}
	text := p.rest[:end]
	p.rest = p.rest[end:]
	return text
}
