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

func (p *parser) checkpoint() Statement {
	p.expect("checkpoint")
	p.end()
	return &Checkpoint{}
}

// explain reads EXPLAIN [ANALYZE] [VERBOSE] query and EXPLAIN (option, …) query.
func (p *parser) explain() Statement {
	p.expect("explain")
	s := &Explain{}
	if p.explainOptions() {
		s.Analyze = p.skipParentheses()
	}
	if s := p.explainView(); s != nil {
		return s
	}
	if p.accept("analyze") || p.accept("analyse") {
		s.Analyze = true
	}
	p.accept("verbose")
	if t := p.peek(); !t.isAny("select", "with", "from", "values", "table") && !t.mark("(") {
		if t.Kind == EOF {
			p.fail()
		}
		panic(unsupportedHere(t, hintExplain, "EXPLAIN %s is not supported", strings.ToUpper(excerpt(t.Text))))
	}
	s.SQL, s.Offset = p.rest()
	return s
}

// explainOptions reports whether the parenthesis here holds options: EXPLAIN
// (SELECT 1) is a query.
func (p *parser) explainOptions() bool {
	t := p.peekAt(1)
	return p.peek().mark("(") && t.Kind == Word &&
		t.isAny("analyze", "analyse", "verbose", "costs", "format", "type", "trace", "settings", "buffers", "timing", "summary", "wal", "generic_plan")
}

// skipParentheses reads options, of which ANALYZE alone means something.
func (p *parser) skipParentheses() (analyze bool) {
	depth := 0
	for {
		t := p.take()
		switch {
		case t.Kind == EOF:
			panic(syntaxError(t))
		case t.isAny("analyze", "analyse") && !p.peek().isAny("false", "off"):
			analyze = true
		case t.mark("("):
			depth++
		case t.mark(")"):
			if depth--; depth == 0 {
				return analyze
			}
		}
	}
}
