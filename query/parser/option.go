package parser

import "strings"

// options reads ( name = value, … ).
func (p *parser) options() []Option {
	p.expectMark("(")
	options := []Option{}
	seen := map[string]bool{}
	for {
		o := p.option()
		if seen[o.Name] {
			panic(errorAt(o.Offset, codeSyntax, "option \"%s\" is given twice", excerpt(o.Name)))
		}
		seen[o.Name] = true
		options = append(options, o)
		if !p.acceptMark(",") {
			break
		}
	}
	p.expectMark(")")
	return options
}

func (p *parser) option() Option {
	o := Option{Offset: p.peek().Offset, Name: strings.ToLower(p.optionName())}
	p.expectMark("=")
	t := p.peek()
	o.ValueOffset = t.Offset
	switch {
	case t.mark("-") && p.peekAt(1).Kind == Number:
		p.take()
		o.Value = "-" + p.take().Value
	case t.Kind == String, t.Kind == Number, t.Kind == Word && (!reservedWords[t.Value] || t.isAny("true", "false")):
		o.Value = p.take().Value
	default:
		p.fail()
	}
	return o
}

// optionName reads a.b.c, where each part may have hyphens, or a name in
// quotes of either kind: Flink's options are strings.
func (p *parser) optionName() string {
	if p.peek().Kind == String {
		t := p.take()
		if t.Value == "" {
			panic(syntaxError(t))
		}
		return t.Value
	}
	var name strings.Builder
	for {
		t := p.peek()
		if t.Kind != Word && t.Kind != Quoted {
			p.fail()
		}
		name.WriteString(p.take().Value)
		if !p.peek().mark(".") && !p.peek().mark("-") {
			return name.String()
		}
		name.WriteString(p.take().Text)
	}
}

// OptionMap returns the values of options by their names, nil if there are none.
func OptionMap(options []Option) map[string]string {
	if len(options) == 0 {
		return nil
	}
	values := make(map[string]string, len(options))
	for _, o := range options {
		values[o.Name] = o.Value
	}
	return values
}

// SplitOptions returns the options whose names begin with prefix, and the others.
func SplitOptions(options []Option, prefix string) (with, without []Option) {
	for _, o := range options {
		if strings.HasPrefix(o.Name, prefix) {
			with = append(with, o)
		} else {
			without = append(without, o)
		}
	}
	return with, without
}
