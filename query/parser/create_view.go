package parser

const (
	hintEmit  = "A view's rows are corrected in place as records arrive; that is the default and needs no EMIT clause."
	hintQuery = "Write CREATE MATERIALIZED VIEW name AS SELECT …."
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
	for p.dropEmit() {
	}
	v.SQL, v.Offset = p.rest()
	return v
}

// dropEmit cuts the EMIT clause off the end of the statement. Its words are
// names elsewhere, so only a clause that reaches to the end counts. It reports
// whether there was one.
func (p *parser) dropEmit() bool {
	at, depth := -1, 0
	for i := p.pos; i < len(p.tokens); i++ {
		switch t := p.tokens[i]; {
		case t.mark("(") || t.mark("[") || t.mark("{"):
			depth++
		case t.mark(")") || t.mark("]") || t.mark("}"):
			depth--
		case depth == 0 && t.is("emit"):
			at = i
		case depth == 0 && t.is("allow") && p.tokens[i+1].is("lateness"):
			panic(unsupportedHere(t, "Raise the watermark's delay in the source instead.", "ALLOW LATENESS is not supported yet"))
		}
	}
	if at < 0 || at == p.pos {
		return false
	}
	emit := p.tokens[at]
	clause := &parser{sql: p.sql, tokens: p.tokens, pos: at + 1}
	switch {
	case clause.accept("changes") || clause.accept("immediately"):
		clause.end()
		p.tokens = append(p.tokens[:at:at], Token{Kind: EOF, Offset: emit.Offset})
		return true
	case clause.accept("on", "window", "close") || clause.accept("final"):
		clause.end()
		panic(unsupportedHere(emit, hintEmit, "EMIT ON WINDOW CLOSE is not supported yet"))
	}
	return false
}
