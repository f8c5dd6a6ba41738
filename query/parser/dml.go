package parser

import "strings"

// Text is a piece of a statement that DuckDB's parser reads.
type Text struct {
	SQL    string // empty: not given
	Offset int    // of SQL in the statement
}

// Insert is INSERT INTO.
type Insert struct {
	Name     Name
	Columns  []ColumnName // nil: all
	Query    Text         // VALUES or SELECT; empty: DEFAULT VALUES
	Conflict *Conflict    // nil: a conflict is an error
}

// Conflict is ON CONFLICT.
type Conflict struct {
	Offset int
	Target []ColumnName // nil: not given
	Set    []Assignment // nil: DO NOTHING
	Where  Text
}

// Assignment is column = expression.
type Assignment struct {
	Column ColumnName
	Expr   Text // empty: DEFAULT
}

// Update is UPDATE.
type Update struct {
	Name  Name
	Alias string // empty: none
	Set   []Assignment
	From  Text
	Where Text
}

// Delete is DELETE FROM.
type Delete struct {
	Name  Name
	Alias string // empty: none
	Using Text
	Where Text
}

// Truncate is TRUNCATE.
type Truncate struct{ Name Name }

// CopyFrom is COPY t FROM STDIN and COPY t FROM 'file'.
type CopyFrom struct {
	Name    Name
	Columns []ColumnName // nil: all
	File    string       // empty: STDIN
	Offset  int          // of the file's name
	Format  CopyFormat   // of a file it may be parquet, too
}

// Command returns the tag INSERT.
func (*Insert) Command() string { return "INSERT" }

// Command returns the tag UPDATE.
func (*Update) Command() string { return "UPDATE" }

// Command returns the tag DELETE.
func (*Delete) Command() string { return "DELETE" }

// Command returns the tag TRUNCATE TABLE.
func (*Truncate) Command() string { return "TRUNCATE TABLE" }

// Command returns the tag COPY.
func (*CopyFrom) Command() string { return "COPY" }

const hintReturning = "Read the rows with a SELECT afterwards."

func (p *parser) insert() Statement {
	p.expect("insert")
	if t := p.peek(); t.is("or") {
		panic(unsupportedHere(t, "Write INSERT INTO … ON CONFLICT DO NOTHING, or DO UPDATE SET ….", "INSERT OR REPLACE and INSERT OR IGNORE are not supported"))
	}
	p.expect("into")
	s := &Insert{Name: p.name()}
	if t := p.peek(); t.is("as") {
		panic(unsupportedHere(t, "Leave it out; in ON CONFLICT the table has its own name.", "an alias of the table in INSERT is not supported"))
	}
	if p.peek().mark("(") && !p.peekAt(1).isAny("select", "with", "values", "from", "table") && !p.peekAt(1).mark("(") {
		s.Columns = p.columnNames()
	}
	if t := p.peek(); t.is("overriding") || t.is("by") {
		panic(unsupportedHere(t, "List the columns: INSERT INTO t (a, b) …", "%s in INSERT is not supported", strings.ToUpper(t.Value)))
	}
	if !p.accept("default", "values") {
		if t := p.peek(); !t.mark("(") && !t.isAny("select", "with", "values", "from", "table") {
			p.fail()
		}
		s.Query.SQL, s.Query.Offset = p.textUntil(func(t Token) bool {
			return t.is("returning") || t.is("on") && p.peekAt(1).is("conflict")
		})
	}
	if p.peek().is("on") {
		s.Conflict = p.conflict()
	}
	p.noReturning()
	p.end()
	return s
}

func (p *parser) noReturning() {
	if t := p.peek(); t.is("returning") {
		panic(unsupportedHere(t, hintReturning, "RETURNING is not supported"))
	}
}

func (p *parser) conflict() *Conflict {
	c := &Conflict{Offset: p.peek().Offset}
	p.expect("on", "conflict")
	if t := p.peek(); t.is("on") {
		panic(unsupportedHere(t, "Name the columns: ON CONFLICT (id).", "ON CONFLICT ON CONSTRAINT is not supported"))
	}
	if p.peek().mark("(") {
		c.Target = p.columnNames()
	}
	if t := p.peek(); t.is("where") {
		panic(unsupportedHere(t, "There are no partial indexes.", "WHERE in the target of ON CONFLICT is not supported"))
	}
	p.expect("do")
	if p.accept("nothing") {
		return c
	}
	p.expect("update", "set")
	c.Set = p.assignments()
	c.Where = p.where()
	return c
}

// assignments reads a = 1, (b, c) = (2, 3).
func (p *parser) assignments() []Assignment {
	var list []Assignment
	for {
		if p.peek().mark("(") {
			list = append(list, p.rowAssignment()...)
		} else {
			name := p.identifier()
			if p.acceptMark(".") { // the table's name in front
				name = p.identifier()
			}
			p.equals()
			a := Assignment{Column: ColumnName{Name: name.Value, Offset: name.Offset}}
			a.Expr = p.assigned()
			list = append(list, a)
		}
		if !p.acceptMark(",") {
			return list
		}
	}
}

func (p *parser) equals() {
	if t := p.peek(); t.Kind != Operator || t.Text != "=" {
		p.fail()
	}
	p.take()
}

// assigned reads an expression, or DEFAULT, which is no text.
func (p *parser) assigned() Text {
	if p.accept("default") {
		return Text{}
	}
	var x Text
	x.SQL, x.Offset = p.textUntil(func(t Token) bool {
		from := t.is("from") && !p.tokens[p.pos-1].is("distinct")
		return t.mark(",") || t.mark(")") || from || t.isAny("where", "returning")
	})
	return x
}

// rowAssignment reads (a, b) = (1, 2).
func (p *parser) rowAssignment() []Assignment {
	names := p.columnNames()
	p.equals()
	p.accept("row")
	open := p.peek()
	if next := p.peekAt(1); !open.mark("(") || next.isAny("select", "with", "values", "from") {
		panic(unsupportedHere(open, "Write one assignment for each column.", "a subquery that assigns several columns is not supported"))
	}
	p.expectMark("(")
	list := make([]Assignment, 0, len(names))
	for i, n := range names {
		if i > 0 {
			p.expectMark(",")
		}
		list = append(list, Assignment{Column: n, Expr: p.assigned()})
	}
	p.expectMark(")")
	return list
}

// where reads WHERE and its condition, if it stands here.
func (p *parser) where() (x Text) {
	if p.accept("where") {
		x.SQL, x.Offset = p.textUntil(func(t Token) bool { return t.is("returning") })
	}
	return x
}

func (p *parser) update() Statement {
	p.expect("update")
	p.accept("only")
	s := &Update{Name: p.name()}
	s.Alias = p.tableAlias("set")
	p.expect("set")
	s.Set = p.assignments()
	if p.accept("from") {
		s.From.SQL, s.From.Offset = p.textUntil(func(t Token) bool { return t.isAny("where", "returning") })
	}
	s.Where = p.where()
	p.noReturning()
	p.end()
	return s
}

// tableAlias reads [AS] alias before one of the given words or the end.
func (p *parser) tableAlias(next ...string) string {
	if p.accept("as") {
		return p.identifier().Value
	}
	if t := p.peek(); t.Kind == EOF || t.isAny(next...) || t.Kind != Word && t.Kind != Quoted {
		return ""
	}
	return p.identifier().Value
}

func (p *parser) delete() Statement {
	p.expect("delete", "from")
	p.accept("only")
	s := &Delete{Name: p.name()}
	s.Alias = p.tableAlias("using", "where", "returning")
	if p.accept("using") {
		s.Using.SQL, s.Using.Offset = p.textUntil(func(t Token) bool { return t.isAny("where", "returning") })
	}
	s.Where = p.where()
	p.noReturning()
	p.end()
	return s
}

func (p *parser) truncate() Statement {
	p.expect("truncate")
	p.accept("table")
	p.accept("only")
	s := &Truncate{Name: p.name()}
	if t := p.peek(); t.mark(",") {
		panic(unsupportedHere(t, "Truncate one table at a time.", "TRUNCATE of several tables is not supported"))
	}
	if !p.accept("continue", "identity") {
		p.accept("restart", "identity")
	}
	if !p.accept("restrict") {
		p.accept("cascade")
	}
	p.end()
	return s
}

// copyFrom reads COPY t (a, b) FROM STDIN|'file' and its options.
func (p *parser) copyFrom() Statement {
	p.expect("copy")
	s := &CopyFrom{Name: p.name(), Columns: p.givenColumns()}
	p.expect("from")
	switch t := p.peek(); {
	case p.accept("stdin"):
	case t.Kind == String:
		s.File, s.Offset = p.take().Value, t.Offset
		if s.File == "" {
			panic(errorAt(t.Offset, codeSyntax, "the file's name is empty"))
		}
	case t.is("program"):
		panic(unsupportedHere(t, "Write COPY t FROM STDIN and send the program's output.", "COPY FROM PROGRAM is not supported"))
	default:
		p.fail()
	}
	if t := p.peek(); t.is("where") {
		panic(unsupportedHere(t, "Copy into another table and INSERT … SELECT … WHERE from it.", "WHERE in COPY is not supported"))
	}
	at := p.peek()
	s.Format = p.copyOptions(s.File != "")
	switch {
	case s.Format.ForceQuote != nil || s.Format.QuoteAll:
		panic(unsupportedHere(at, "Leave it out.", "FORCE_QUOTE is for COPY TO"))
	case s.Format.Kind == "binary" && s.File != "":
		panic(unsupportedHere(at, "Use csv or parquet, or send the file from the client, as psql's \\copy does.", "COPY FROM a file in the format binary is not supported"))
	}
	p.end()
	return s
}
