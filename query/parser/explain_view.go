package parser

// ExplainView is EXPLAIN CREATE MATERIALIZED VIEW … and EXPLAIN [ANALYZE]
// MATERIALIZED VIEW v.
type ExplainView struct {
	Analyze bool
	Create  *CreateView // nil: the view Name, which exists
	Name    Name
}

// Command returns the tag EXPLAIN.
func (*ExplainView) Command() string { return "EXPLAIN" }

// explainView reads what follows EXPLAIN if it is about a view, or returns nil.
func (p *parser) explainView() Statement {
	analyze := p.peek()
	start := p.pos
	s := &ExplainView{Analyze: p.accept("analyze") || p.accept("analyse")}
	p.accept("verbose")
	switch t := p.peek(); {
	case t.is("create"):
		c, ok := p.create().(*CreateView)
		if !ok {
			panic(unsupportedHere(t, hintExplain, "EXPLAIN CREATE of anything but a materialized view is not supported"))
		}
		if s.Analyze {
			panic(unsupportedHere(analyze, "Write EXPLAIN without ANALYZE, or create the view and write EXPLAIN ANALYZE MATERIALIZED VIEW.",
				"EXPLAIN ANALYZE CREATE is not supported"))
		}
		s.Create, s.Name = c, c.Name
	case p.accept("materialized"):
		p.expect("view")
		s.Name = p.name()
	default:
		p.pos = start
		return nil
	}
	p.end()
	return s
}

const hintExplain = "EXPLAIN takes a query, CREATE MATERIALIZED VIEW …, or MATERIALIZED VIEW and a name."
