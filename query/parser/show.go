package parser

import "strings"

func (p *parser) show() Statement {
	p.expect("show")
	var s Statement
	switch {
	case p.accept("sources"):
		s = &ShowObjects{Kind: Source}
	case p.accept("materialized"):
		p.expect("views")
		s = &ShowObjects{Kind: MaterializedView}
	case p.accept("tables"):
		s = &ShowObjects{Kind: Table}
	case p.accept("columns"):
		p.expect("from")
		s = &ShowColumns{Name: p.name()}
	case p.accept("create"):
		s = p.showCreate()
	case p.accept("jobs"):
		s = &ShowJobs{}
	case p.peek().isAny("views", "sinks", "subscriptions", "indexes", "functions", "processlist", "databases", "schemas"):
		t := p.peek()
		panic(unsupportedHere(t, "Write SHOW SOURCES, SHOW MATERIALIZED VIEWS or SHOW TABLES, or read the tables in the schema millstream.",
			"SHOW %s is not supported", strings.ToUpper(t.Value)))
	default:
		s = p.showSetting()
	}
	p.end()
	return s
}

func (p *parser) showCreate() Statement {
	s := &ShowCreate{}
	switch {
	case p.accept("source"):
		s.Kind = Source
	case p.accept("materialized"):
		p.expect("view")
		s.Kind = MaterializedView
	case p.accept("view"):
		s.Kind = MaterializedView
	case p.accept("table"):
		s.Kind = Table
	default:
		p.fail()
	}
	s.Name = p.name()
	return s
}

func (p *parser) showSetting() Statement {
	s := &ShowSetting{Offset: p.peek().Offset}
	switch {
	case p.accept("all"):
	case p.accept("transaction", "isolation", "level"):
		s.Name = "transaction_isolation"
	case p.accept("time", "zone"):
		s.Name = "timezone"
	case p.accept("session", "authorization"):
		s.Name = "session_authorization"
	default:
		s.Name = p.settingName()
	}
	return s
}

// settingName reads a setting's name, which may have dots.
func (p *parser) settingName() string {
	name := p.identifier().Value
	for p.acceptMark(".") {
		name += "." + p.identifier().Value
	}
	return strings.ToLower(name)
}

func (p *parser) describe() Statement {
	p.take()
	if t := p.peek(); t.isAny("select", "with", "from", "values", "table") || t.mark("(") {
		panic(unsupportedHere(t, "Prepare the query and ask for its columns, as psql's \\gdesc does.", "DESCRIBE of a query is not supported"))
	}
	s := &ShowColumns{Name: p.name()}
	p.end()
	return s
}
