package parser

import "strings"

func (p *parser) discard() Statement {
	p.expect("discard")
	t := p.peek()
	if !t.isAny("all", "plans", "sequences", "temp", "temporary") {
		p.fail()
	}
	p.take()
	p.end()
	return &NoOp{Tag: "DISCARD " + strings.ToUpper(t.Value)}
}

func (p *parser) deallocate() Statement {
	p.expect("deallocate")
	p.accept("prepare")
	s := &NoOp{Tag: "DEALLOCATE ALL"}
	if !p.accept("all") {
		s = &NoOp{Tag: "DEALLOCATE", Name: p.identifier().Value}
	}
	p.end()
	return s
}

// listen reads LISTEN x, UNLISTEN x and UNLISTEN *.
func (p *parser) listen() Statement {
	verb := p.take()
	if !(verb.is("unlisten") && p.acceptMark("*")) {
		p.identifier()
	}
	p.end()
	return &NoOp{Tag: strings.ToUpper(verb.Value)}
}

func (p *parser) checkpoint() Statement {
	p.expect("checkpoint")
	p.end()
	return &Checkpoint{}
}

// explain reads EXPLAIN [VERBOSE] query and EXPLAIN (option, …) query.
func (p *parser) explain() Statement {
	p.expect("explain")
	if p.explainOptions() {
		p.skipParentheses()
	}
	if s := p.explainView(); s != nil {
		return s
	}
	t := p.peek()
	if t.isAny("analyze", "analyse") {
		refuseAnalyze(t)
	}
	p.accept("verbose")
	if t = p.peek(); !t.isAny("select", "with", "from", "values", "table") && !t.mark("(") {
		if t.Kind == EOF {
			p.fail()
		}
		panic(unsupportedHere(t, hintExplain, "EXPLAIN %s is not supported", strings.ToUpper(excerpt(t.Text))))
	}
	s := &Explain{}
	s.SQL, s.Offset = p.rest()
	return s
}

func refuseAnalyze(t Token) {
	panic(unsupportedHere(t, "Write EXPLAIN without ANALYZE. EXPLAIN ANALYZE MATERIALIZED VIEW v shows what a view has done.", "EXPLAIN ANALYZE is not supported"))
}

// explainOptions reports whether the parenthesis here holds options: EXPLAIN
// (SELECT 1) is a query.
func (p *parser) explainOptions() bool {
	t := p.peekAt(1)
	return p.peek().mark("(") && t.Kind == Word &&
		t.isAny("analyze", "analyse", "verbose", "costs", "format", "type", "trace", "settings", "buffers", "timing", "summary", "wal", "generic_plan")
}

func (p *parser) skipParentheses() {
	depth := 0
	for {
		t := p.take()
		switch {
		case t.Kind == EOF:
			panic(syntaxError(t))
		case t.isAny("analyze", "analyse") && !p.peek().isAny("false", "off"):
			refuseAnalyze(t)
		case t.mark("("):
			depth++
		case t.mark(")"):
			if depth--; depth == 0 {
				return
			}
		}
	}
}
