package parser

import "strings"

// parser walks over the tokens of one statement. Its methods panic with an
// *Error, which Parse catches: forty productions without forty times "if err".
type parser struct {
	sql    string
	tokens []Token // without the final semicolons; the last one is EOF
	pos    int
}

// Parse reads one statement. Errors are *Error. An empty text is an error.
func Parse(sql string) (stmt Statement, err error) {
	tokens, lexErr := lex(sql)
	if lexErr != nil {
		return nil, withoutPassword(lexErr, sql)
	}
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*Error)
			if !ok {
				panic(r)
			}
			stmt, err = nil, e
		}
	}()
	tokens = withoutFinalSemicolons(tokens)
	if len(tokens) == 1 {
		return nil, errorAt(0, codeSyntax, "the statement is empty")
	}
	p := &parser{sql: sql, tokens: tokens}
	p.refuseMany()
	return p.statement(), nil
}

func withoutFinalSemicolons(tokens []Token) []Token {
	n := len(tokens) - 1
	for n > 0 && tokens[n-1].mark(";") {
		n--
	}
	end := tokens[n] // an EOF at the semicolon
	end.Kind, end.Text, end.Value = EOF, "", ""
	return append(tokens[:n:n], end)
}

// refuseMany stops a second statement behind the first: DuckDB's driver would
// carry out all but the last one while it prepares.
func (p *parser) refuseMany() {
	depth := 0
	for _, t := range p.tokens {
		switch {
		case t.mark("(") || t.mark("[") || t.mark("{"):
			depth++
		case t.mark(")") || t.mark("]") || t.mark("}"):
			depth--
		case t.mark(";") && depth > 0:
			panic(syntaxError(t))
		case t.mark(";"):
			panic(errorAt(t.Offset, codeSyntax, "cannot insert multiple commands into a prepared statement"))
		}
	}
}

// statement dispatches on the first word.
func (p *parser) statement() Statement {
	t := p.peek()
	if t.mark("(") {
		return p.query()
	}
	if t.Kind != Word {
		panic(syntaxError(t))
	}
	if parse := p.production(t.Value); parse != nil {
		return parse()
	}
	if hint, ok := unsupported[t.Value]; ok {
		panic(errorAt(t.Offset, codeUnsupported, "%s is not supported", strings.ToUpper(t.Value)).withHint("%s", hint))
	}
	panic(syntaxError(t))
}

// production returns what reads a statement with the given first word, or nil.
func (p *parser) production(word string) func() Statement {
	switch word {
	case "select", "with", "values", "from", "table":
		return p.query
	case "create":
		return p.create
	case "drop":
		return p.drop
	case "show":
		return p.show
	case "describe", "desc":
		return p.describe
	case "set":
		return p.set
	case "reset":
		return p.reset
	case "begin", "start":
		return p.begin
	case "commit", "end":
		return p.commit
	case "rollback", "abort":
		return p.rollback
	case "savepoint":
		return p.savepoint
	case "release":
		return p.release
	case "discard":
		return p.discard
	case "prepare":
		return p.prepare
	case "execute":
		return p.execute
	case "deallocate":
		return p.deallocate
	case "notify":
		return p.notify
	case "close":
		return p.closeCursor
	case "declare":
		return p.declare
	case "fetch", "move":
		return p.fetch
	case "copy":
		return p.copy
	case "subscribe":
		return p.subscribe
	case "listen", "unlisten":
		return p.listen
	case "explain":
		return p.explain
	case "checkpoint":
		return p.checkpoint
	case "backup":
		return p.backup
	case "alter":
		return p.alter
	case "comment":
		return p.comment
	case "cancel":
		return p.cancel
	case "grant", "revoke":
		return p.grant
	}
	return p.change(word)
}

// change returns what reads a statement that changes rows, or nil.
func (p *parser) change(word string) func() Statement {
	switch word {
	case "insert":
		return p.insert
	case "update":
		return p.update
	case "delete":
		return p.delete
	case "truncate":
		return p.truncate
	}
	return nil
}

// query is the rest of the statement as text for DuckDB.
func (p *parser) query() Statement {
	sql, offset := p.rest()
	return &Select{SQL: sql, Offset: offset}
}

// rest consumes the rest of the statement and returns it as text.
func (p *parser) rest() (sql string, offset int) {
	first := p.peek()
	if first.Kind == EOF {
		panic(syntaxError(first))
	}
	p.pos = len(p.tokens) - 1
	return p.text(first, p.tokens[p.pos-1]), first.Offset
}

// text returns the statement's text between two tokens, both included.
func (p *parser) text(first, last Token) string { return p.sql[first.Offset:last.End()] }

// fail reports the next token as the place at fault.
func (p *parser) fail() { panic(syntaxError(p.peek())) }

func (p *parser) peek() Token { return p.tokens[p.pos] }

// peekAt returns the token n places ahead, or EOF.
func (p *parser) peekAt(n int) Token { return p.tokens[min(p.pos+n, len(p.tokens)-1)] }

// take consumes a token. It stays at EOF.
func (p *parser) take() Token {
	t := p.tokens[p.pos]
	if t.Kind != EOF {
		p.pos++
	}
	return t
}

// accept consumes the keywords if all of them stand here.
func (p *parser) accept(keywords ...string) bool {
	for i, k := range keywords {
		if !p.peekAt(i).is(k) {
			return false
		}
	}
	p.pos += len(keywords)
	return true
}

// expect consumes the keywords.
func (p *parser) expect(keywords ...string) {
	for _, k := range keywords {
		if !p.accept(k) {
			p.fail()
		}
	}
}

// acceptMark consumes the punctuation if it stands here.
func (p *parser) acceptMark(text string) bool {
	if !p.peek().mark(text) {
		return false
	}
	p.pos++
	return true
}

func (p *parser) expectMark(text string) {
	if !p.acceptMark(text) {
		p.fail()
	}
}

// end makes sure that nothing follows.
func (p *parser) end() {
	if p.peek().Kind != EOF {
		p.fail()
	}
}

// identifier consumes a name.
func (p *parser) identifier() Token {
	t := p.peek()
	if t.Kind != Quoted && (t.Kind != Word || reservedWords[t.Value]) {
		err := syntaxError(t)
		if t.Kind == Word {
			err.Hint = "It is a reserved word; write it in double quotes to use it as a name."
		}
		panic(err)
	}
	if err := checkName(t.Value, t.Offset); err != nil {
		panic(err)
	}
	return p.take()
}

// name consumes a relation's name with its schema, and with the database's
// name in front of it, which can only be ours.
func (p *parser) name() Name {
	first := p.identifier()
	parts := []string{first.Value}
	for p.acceptMark(".") {
		parts = append(parts, p.identifier().Value)
	}
	n := Name{Name: parts[len(parts)-1], Offset: first.Offset}
	switch {
	case len(parts) == 2:
		n.Schema = parts[0]
	case len(parts) == 3 && parts[0] == "millstream":
		n.Schema = parts[1]
	case len(parts) > 2:
		panic(errorAt(first.Offset, codeUnsupported, "cross-database references are not implemented").
			withHint("Write schema.name or just the name."))
	}
	return n
}

// newName consumes the name of an object to be created.
func (p *parser) newName() Name {
	n := p.name()
	if err := checkNewName(n); err != nil {
		panic(err)
	}
	n.Schema = ""
	return n
}

func (p *parser) ifNotExists() bool { return p.accept("if", "not", "exists") }

// unsupportedHere reports that something that was understood can't be done.
func unsupportedHere(t Token, hint, format string, args ...any) *Error {
	return errorAt(t.Offset, codeUnsupported, format, args...).withHint("%s", hint)
}
