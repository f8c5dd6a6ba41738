package parser

import (
	"slices"
	"time"
)

const (
	hintQuery    = "Write CREATE MATERIALIZED VIEW name AS SELECT …."
	hintLateness = "Write ALLOW LATENESS INTERVAL '5 minutes', behind the SELECT and before EMIT."
)

func (p *parser) createView(replace bool) Statement {
	if t := p.peek(); replace && t.is("if") {
		panic(syntaxError(t))
	}
	v := &CreateView{OrReplace: replace, IfNotExists: p.ifNotExists(), Name: p.newName()}
	if t := p.peek(); t.mark("(") {
		panic(unsupportedHere(t, "Name the columns in the query: SELECT x AS name.", "a column list in CREATE MATERIALIZED VIEW is not supported"))
	}
	if p.accept("with") {
		v.Options = p.options()
	}
	p.expect("as")
	if t := p.peek(); !t.isAny("select", "with", "from", "values", "table") && !t.mark("(") {
		err := syntaxError(t)
		err.Hint = hintQuery
		panic(err)
	}
	for p.takeClause(v) {
	}
	v.SQL, v.Offset = p.rest()
	return v
}

// takeClause cuts the last clause that is not DuckDB's off the end of the
// statement: EMIT or ALLOW LATENESS. Their words are names elsewhere, so only a
// clause that reaches to the end counts. It reports whether there was one.
func (p *parser) takeClause(v *CreateView) bool {
	at := p.lastClause()
	if at <= p.pos {
		return false
	}
	first := p.tokens[at]
	clause := &parser{sql: p.sql, tokens: p.tokens, pos: at}
	switch {
	case clause.accept("allow", "lateness"):
		if !clause.peek().is("interval") && clause.peek().Kind != String {
			return false
		}
		if v.LatenessOffset > 0 {
			panic(errorAt(first.Offset, codeSyntax, "ALLOW LATENESS is given twice"))
		}
		v.Lateness, v.LatenessOffset = clause.lateness(), first.Offset
	case clause.accept("emit", "changes") || clause.accept("emit", "immediately"):
	case clause.accept("emit", "on", "window", "close") || clause.accept("emit", "final"):
		v.EmitOnClose, v.EmitOffset = true, first.Offset
	default:
		return false
	}
	clause.end()
	p.tokens = append(slices.Clip(p.tokens[:at]), Token{Kind: EOF, Offset: first.Offset})
	return true
}

// lastClause returns the index of the last word outside of parentheses that
// could begin a clause, or -1.
func (p *parser) lastClause() int {
	at, depth := -1, 0
	for i := p.pos; i < len(p.tokens); i++ {
		switch t := p.tokens[i]; {
		case t.mark("(") || t.mark("[") || t.mark("{"):
			depth++
		case t.mark(")") || t.mark("]") || t.mark("}"):
			depth--
		case depth == 0 && (t.is("emit") || t.is("allow") && p.tokens[i+1].is("lateness")):
			at = i
		}
	}
	return at
}

// lateness reads the interval of ALLOW LATENESS.
func (p *parser) lateness() time.Duration {
	p.accept("interval")
	value := p.peek()
	text := value.Value
	if value.Kind != String && value.Kind != Number {
		panic(errorAt(value.Offset, codeSyntax, "ALLOW LATENESS needs a constant interval").withHint(hintLateness))
	}
	p.take()
	if unit := p.peek(); unit.Kind == Word && durationUnits[unit.Value] != 0 {
		text += " " + p.take().Value
	}
	d, err := parseDuration(text)
	if err != nil {
		err.Offset, err.Hint = value.Offset, hintLateness
		panic(err)
	}
	return d
}
