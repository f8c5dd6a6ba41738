package parser

import "strings"

func (p *parser) drop() Statement {
	p.expect("drop")
	d := &Drop{}
	t := p.peek()
	switch {
	case p.accept("source"):
		d.Kind = Source
	case p.accept("table"):
		d.Kind = Table
	case p.accept("materialized"):
		p.expect("view")
		d.Kind = MaterializedView
	case t.isAny("role", "user", "group"):
		p.take()
		return p.dropRole()
	case t.is("view"):
		panic(unsupportedHere(t, "Write DROP MATERIALIZED VIEW.", "DROP VIEW is not supported"))
	case t.Kind == Word:
		panic(unsupportedHere(t, hintObjects, "DROP %s is not supported", strings.ToUpper(t.Value)))
	default:
		p.fail()
	}
	d.IfExists = p.accept("if", "exists")
	d.Name = p.name()
	if t := p.peek(); t.mark(",") {
		panic(unsupportedHere(t, "Drop one object at a time.", "DROP of several objects is not supported"))
	}
	if !p.accept("restrict") {
		d.Cascade = p.accept("cascade")
	}
	p.end()
	return d
}
