package parser

import "strings"

func (p *parser) set() Statement {
	p.expect("set")
	if p.accept("session", "characteristics") {
		p.expect("as", "transaction")
		s := &SetTransaction{Session: true, Modes: p.transactionModes()}
		p.end()
		return s
	}
	if p.accept("constraints") {
		p.rest()
		return &NoOp{Tag: "SET CONSTRAINTS"}
	}
	s := &Set{}
	if !p.settingFollows(0) {
		if s.Local = p.accept("local"); !s.Local {
			p.accept("session")
		}
	}
	s.Offset = p.peek().Offset
	switch t := p.peek(); {
	case s.Local && t.isAny("role", "authorization") && !p.settingFollows(0):
		panic(unsupportedHere(t, "Write SET ROLE.", "SET LOCAL %s is not supported", strings.ToUpper(t.Value)))
	case p.settingFollows(0):
		p.setValues(s)
	case p.accept("transaction"):
		modes := p.transactionModes()
		p.end()
		return &SetTransaction{Modes: modes}
	case p.accept("time", "zone"):
		s.Name = "timezone"
		p.setTimeZone(s)
	case p.accept("names"):
		s.Name = "client_encoding"
		p.valueOrDefault(s)
	case p.accept("schema"):
		s.Name = "search_path"
		p.valueOrDefault(s)
	case p.accept("role"):
		return p.setRole(false)
	case p.accept("authorization"):
		return p.setRole(true)
	default:
		p.setValues(s)
	}
	p.end()
	return s
}

// settingFollows reports whether the token n places ahead is a plain setting's
// name: one that is followed by = or TO.
func (p *parser) settingFollows(n int) bool {
	after := p.peekAt(n + 1)
	return after.mark("=") || after.is("to")
}

func (p *parser) setValues(s *Set) {
	s.Name = p.settingName()
	if !p.acceptMark("=") && !p.accept("to") {
		p.fail()
	}
	p.valueOrDefault(s)
	for s.Values != nil && p.acceptMark(",") {
		s.Values = append(s.Values, p.settingValue())
	}
}

func (p *parser) setTimeZone(s *Set) {
	switch {
	case p.accept("local"):
		s.Default = true
	case p.accept("interval"):
		s.Values = []string{p.settingValue()}
		if p.accept("hour") {
			p.expect("to", "minute")
		}
	default:
		p.valueOrDefault(s)
	}
}

func (p *parser) valueOrDefault(s *Set) {
	if p.accept("default") {
		s.Default = true
		return
	}
	s.Values = []string{p.settingValue()}
}

// settingValue reads a string, a number with its sign, or a word: reserved
// words too, for on, true and all are values.
func (p *parser) settingValue() string {
	sign := ""
	if t := p.peek(); (t.mark("-") || t.mark("+")) && p.peekAt(1).Kind == Number {
		p.take()
		if t.Text == "-" {
			sign = "-"
		}
	}
	switch t := p.peek(); t.Kind {
	case Word, Quoted, String, Number:
		return sign + p.take().Value
	}
	p.fail()
	return ""
}

func (p *parser) reset() Statement {
	p.expect("reset")
	r := &Reset{Offset: p.peek().Offset}
	switch {
	case p.accept("all"):
	case p.accept("time", "zone"):
		r.Name = "timezone"
	case p.accept("transaction", "isolation", "level"):
		r.Name = "transaction_isolation"
	case p.accept("session", "authorization"):
		p.end()
		return &SetRole{Session: true, Reset: true, Verb: "RESET"}
	case p.accept("role"):
		p.end()
		return &SetRole{Reset: true, Verb: "RESET"}
	default:
		r.Name = p.settingName()
	}
	p.end()
	return r
}
