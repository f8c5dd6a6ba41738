package parser

import (
	"strconv"
	"strings"
)

// Subscribe is SUBSCRIBE: a relation or a query, as it is and then as it
// changes.
type Subscribe struct {
	Table      Name         // empty: a query
	SQL        string       // the query
	Offset     int          // of SQL in the statement
	NoSnapshot bool         // WITH (SNAPSHOT = false)
	Progress   bool         // WITH (PROGRESS)
	AsOf       *Epoch       // nil: the current one
	UpTo       *Epoch       // nil: without an end
	Key        []ColumnName // ENVELOPE UPSERT (KEY (…)); nil: none
}

// Epoch is an epoch in a statement.
type Epoch struct {
	Number  uint64
	AtLeast bool // AS OF AT LEAST: or the first one after it that can be had
	Offset  int
}

// Command returns the tag SUBSCRIBE.
func (*Subscribe) Command() string { return "SUBSCRIBE" }

const (
	hintEnvelope = "Leave ENVELOPE out for rows with a diff, or write ENVELOPE UPSERT (KEY (column, …))."
	hintOrder    = "Within an epoch, rows that go away come before those that appear."
)

func (p *parser) subscribe() Statement {
	s := p.subscription()
	p.end()
	return s
}

// subscription reads SUBSCRIBE up to whatever follows it.
func (p *parser) subscription() *Subscribe {
	p.expect("subscribe")
	p.accept("to")
	s := &Subscribe{}
	if p.acceptMark("(") {
		s.SQL, s.Offset = p.parenthesized()
	} else {
		s.Table = p.name()
	}
	for p.subscribeClause(s) {
	}
	return s
}

// subscribeClause reads one clause, each of which may be given once.
func (p *parser) subscribeClause(s *Subscribe) bool {
	t := p.peek()
	switch {
	case s.AsOf == nil && p.accept("as", "of"):
		atLeast := p.accept("at", "least")
		s.AsOf = p.epoch()
		s.AsOf.AtLeast = atLeast
	case s.UpTo == nil && p.accept("up", "to"):
		s.UpTo = p.epoch()
	case p.accept("with"):
		p.subscribeOptions(s)
	case s.Key == nil && p.accept("envelope"):
		p.envelope(s, t)
	case p.accept("within", "timestamp"):
		panic(unsupportedHere(t, hintOrder, "WITHIN TIMESTAMP ORDER BY is not supported"))
	default:
		return false
	}
	return true
}

func (p *parser) epoch() *Epoch {
	t := p.peek()
	n, err := strconv.ParseUint(t.Value, 10, 63)
	if t.Kind != Number && t.Kind != String || err != nil {
		e := syntaxError(t)
		e.Hint = "An epoch is a whole number, as in the column ts."
		panic(e)
	}
	p.take()
	return &Epoch{Number: n, Offset: t.Offset}
}

func (p *parser) subscribeOptions(s *Subscribe) {
	p.expectMark("(")
	for {
		t := p.take()
		value := p.switchedOn()
		switch {
		case t.is("snapshot"):
			s.NoSnapshot = !value
		case t.is("progress"):
			s.Progress = value
		case t.Kind == Word:
			panic(errorAt(t.Offset, codeSyntax, "option \"%s\" not recognized", excerpt(t.Value)).
				withHint("SUBSCRIBE knows SNAPSHOT and PROGRESS."))
		default:
			panic(syntaxError(t))
		}
		if !p.acceptMark(",") {
			p.expectMark(")")
			return
		}
	}
}

// switchedOn reads [[=] boolean]; nothing means true.
func (p *parser) switchedOn() bool {
	assigned := p.acceptMark("=")
	t := p.peek()
	switch strings.ToLower(t.Value) {
	case "true", "on", "1", "t":
		p.take()
	case "false", "off", "0", "f":
		p.take()
		return false
	default:
		if assigned || !t.mark(",") && !t.mark(")") {
			panic(syntaxError(t))
		}
	}
	return true
}

func (p *parser) envelope(s *Subscribe, at Token) {
	if !p.accept("upsert") {
		panic(unsupportedHere(at, hintEnvelope, "ENVELOPE %s is not supported", strings.ToUpper(excerpt(p.peek().Text))))
	}
	p.expectMark("(")
	p.expect("key")
	if s.Key = p.givenColumns(); s.Key == nil {
		p.fail()
	}
	p.expectMark(")")
}
