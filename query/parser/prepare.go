package parser

// Prepare is PREPARE name [(type, …)] AS statement.
type Prepare struct {
	Name   string
	Types  []string // of $1, $2, …, as written; as many as were given
	SQL    string
	Offset int // of SQL in the statement
}

// Execute is EXECUTE name [(argument, …)].
type Execute struct {
	Name   string
	Args   []string // as written
	Offset int      // of the name
}

// Deallocate is DEALLOCATE of one prepared statement, or of all.
type Deallocate struct{ Name string } // empty: ALL

// Command returns the tag PREPARE.
func (*Prepare) Command() string { return "PREPARE" }

// Command returns the tag EXECUTE; the statement that is executed has its own.
func (*Execute) Command() string { return "EXECUTE" }

// Command returns the tag DEALLOCATE, with ALL where all are meant.
func (s *Deallocate) Command() string {
	if s.Name == "" {
		return "DEALLOCATE ALL"
	}
	return "DEALLOCATE"
}

func (p *parser) prepare() Statement {
	p.expect("prepare")
	if p.peek().is("transaction") {
		panic(unsupportedHere(p.peek(), hintTransaction, "PREPARE TRANSACTION is not supported"))
	}
	s := &Prepare{Name: p.identifier().Value, Types: p.texts()}
	p.expect("as")
	s.SQL, s.Offset = p.rest()
	return s
}

func (p *parser) execute() Statement {
	p.expect("execute")
	name := p.identifier()
	s := &Execute{Name: name.Value, Offset: name.Offset, Args: p.texts()}
	p.end()
	return s
}

func (p *parser) deallocate() Statement {
	p.expect("deallocate")
	p.accept("prepare")
	s := &Deallocate{}
	if !p.accept("all") {
		s.Name = p.identifier().Value
	}
	p.end()
	return s
}

// texts reads (a, b, …), if it stands here, and returns the texts between the
// commas.
func (p *parser) texts() (texts []string) {
	if !p.acceptMark("(") {
		return nil
	}
	first, depth := p.peek(), 0
	for {
		last := p.tokens[max(p.pos-1, 0)]
		t := p.take()
		closes := t.mark(")") || t.mark("]") || t.mark("}")
		switch {
		case t.Kind == EOF:
			panic(syntaxError(t))
		case t.mark("("), t.mark("["), t.mark("{"):
			depth++
		case depth == 0 && (t.mark(",") || closes):
			if t.Offset == first.Offset { // nothing before it
				panic(syntaxError(t))
			}
			texts = append(texts, p.text(first, last))
			if closes {
				return texts
			}
			first = p.peek()
		case closes:
			depth--
		}
	}
}
