package parser

import "strings"

// CreateTable is CREATE TABLE without a connector: rows that SQL writes.
type CreateTable struct {
	IfNotExists bool
	Name        Name
	Columns     []TableColumn
	PrimaryKey  []ColumnName // nil: none
}

// TableColumn is a column of CREATE TABLE.
type TableColumn struct {
	Name          string
	Offset        int    // of the name
	Type          string // as written, with single spaces
	TypeOffset    int
	NotNull       bool
	Default       string // the text behind DEFAULT; empty: NULL
	DefaultOffset int
}

// ColumnName is a column's name where a statement lists or sets columns.
type ColumnName struct {
	Name   string
	Offset int
}

// Command returns the tag CREATE TABLE.
func (*CreateTable) Command() string { return "CREATE TABLE" }

const (
	hintTableColumn = "A column of a table is: name type [NOT NULL] [DEFAULT expression] [PRIMARY KEY]."
	hintTableAs     = "Write CREATE TABLE t (…) and then INSERT INTO t SELECT …."
)

// isTable reports whether CREATE TABLE, whose name comes next, makes a table of
// rows: one with a connector is a source, as is one with a watermark.
func (p *parser) isTable() bool {
	depth := 0
	for i := p.pos; i < len(p.tokens); i++ {
		switch t := p.tokens[i]; {
		case t.mark("(") || t.mark("["):
			depth++
		case t.mark(")") || t.mark("]"):
			depth--
		case depth == 1 && t.is("watermark") && p.tokens[i+1].is("for"):
			return false
		case depth == 0 && t.isAny("include", "with", "format") && i > p.pos+1:
			return false
		}
	}
	return true
}

func (p *parser) createTable() Statement {
	s := &CreateTable{IfNotExists: p.ifNotExists(), Name: p.newName()}
	if t := p.peek(); t.is("as") {
		panic(unsupportedHere(t, hintTableAs, "CREATE TABLE AS is not supported"))
	}
	p.expectMark("(")
	for {
		if t := p.peek(); t.isAny("unique", "check", "foreign", "exclude", "like") {
			panic(unsupportedHere(t, hintTableColumn, "%s in a table is not supported", constraintName(t)))
		}
		if t := p.peek(); t.isAny("primary", "constraint") {
			p.tableKey(s)
		} else {
			s.Columns = append(s.Columns, p.tableColumn(s))
		}
		if !p.acceptMark(",") {
			break
		}
	}
	p.expectMark(")")
	p.end()
	s.checkColumns()
	return s
}

// tableKey reads [CONSTRAINT name] PRIMARY KEY (a, b).
func (p *parser) tableKey(s *CreateTable) {
	if p.accept("constraint") {
		p.identifier()
	}
	t := p.peek()
	if t.isAny("unique", "check", "foreign") {
		panic(unsupportedHere(t, hintTableColumn, "%s in a table is not supported", constraintName(t)))
	}
	p.expect("primary", "key")
	s.setKey(t, p.columnNames())
}

func (s *CreateTable) setKey(t Token, columns []ColumnName) {
	if s.PrimaryKey != nil {
		panic(errorAt(t.Offset, codeInvalidDefinition, "multiple primary keys for table \"%s\" are not allowed", s.Name.Name))
	}
	s.PrimaryKey = columns
}

// columnNames reads a list of names in parentheses.
func (p *parser) columnNames() []ColumnName {
	p.expectMark("(")
	var names []ColumnName
	for {
		t := p.identifier()
		names = append(names, ColumnName{Name: t.Value, Offset: t.Offset})
		if !p.acceptMark(",") {
			break
		}
	}
	p.expectMark(")")
	return names
}

func (p *parser) tableColumn(s *CreateTable) TableColumn {
	name := p.identifier()
	c := TableColumn{Name: name.Value, Offset: name.Offset, TypeOffset: p.peek().Offset}
	c.Type = p.typeName()
	for {
		t := p.peek()
		switch {
		case t.is("not"):
			p.expect("not", "null")
			c.NotNull = true
		case t.is("null"):
			p.take()
		case t.is("default"):
			p.take()
			c.Default, c.DefaultOffset = p.defaultExpression()
		case t.is("primary"):
			p.expect("primary", "key")
			s.setKey(t, []ColumnName{{Name: c.Name, Offset: c.Offset}})
		case t.mark(",") || t.mark(")"):
			return c
		case t.is("as") || t.is("generated"):
			panic(unsupportedHere(t, "Compute it in the INSERT, or in the view that joins the table.", "generated columns of a table are not supported"))
		case t.Kind == Word && columnConstraints[t.Value]:
			panic(unsupportedHere(t, hintTableColumn, "%s in a table is not supported", constraintName(t)))
		default:
			p.fail()
		}
	}
}

// defaultExpression reads the text behind DEFAULT up to what may follow it.
func (p *parser) defaultExpression() (text string, offset int) {
	return p.textUntil(func(t Token) bool {
		return t.mark(",") || t.mark(")") || t.is("primary") || t.is("unique") || t.is("check") || t.is("references") ||
			t.is("not") && p.peekAt(1).is("null") || t.is("constraint")
	})
}

// textUntil consumes tokens up to one outside parentheses that satisfies end,
// or to the statement's end, and returns their text. There must be some.
func (p *parser) textUntil(end func(Token) bool) (text string, offset int) {
	first := p.peek()
	last, depth := first, 0
	for {
		t := p.peek()
		if t.Kind == EOF || depth == 0 && end(t) {
			break
		}
		switch {
		case t.mark("(") || t.mark("[") || t.mark("{"):
			depth++
		case t.mark(")") || t.mark("]") || t.mark("}"):
			if depth--; depth < 0 {
				p.fail()
			}
		}
		last = p.take()
	}
	if p.peek().Offset == first.Offset || depth != 0 {
		p.fail()
	}
	return p.text(first, last), first.Offset
}

// checkColumns checks the names and makes the key's columns NOT NULL.
func (s *CreateTable) checkColumns() {
	if len(s.Columns) == 0 {
		panic(errorAt(s.Name.Offset, codeInvalidDefinition, "table \"%s\" has no columns", s.Name.Name))
	}
	seen := map[string]int{}
	for i, c := range s.Columns {
		lower := strings.ToLower(c.Name)
		if _, twice := seen[lower]; twice {
			panic(errorAt(c.Offset, codeDuplicate, "column \"%s\" specified more than once", c.Name).
				withHint("Names of columns differ in more than letter case."))
		}
		if strings.HasPrefix(lower, "ms$") {
			panic(errorAt(c.Offset, codeReservedName, "name \"%s\" is reserved", c.Name).withHint("Choose a name that does not begin with ms$."))
		}
		seen[lower] = i
	}
	inKey := map[int]bool{}
	for i, k := range s.PrimaryKey {
		at, found := seen[strings.ToLower(k.Name)]
		if !found {
			panic(errorAt(k.Offset, codeUndefinedColumn, "column \"%s\" named in key does not exist", k.Name))
		}
		if inKey[at] {
			panic(errorAt(k.Offset, codeDuplicate, "column \"%s\" appears twice in primary key", k.Name))
		}
		inKey[at] = true
		s.PrimaryKey[i].Name = s.Columns[at].Name
		s.Columns[at].NotNull = true
	}
}

// FormatCreateTable returns the statement that creates the table. Parsing it
// gives the same tree again, apart from offsets.
func FormatCreateTable(s *CreateTable) string {
	var b strings.Builder
	b.WriteString("CREATE TABLE ")
	if s.IfNotExists {
		b.WriteString("IF NOT EXISTS ")
	}
	b.WriteString(DisplayIdent(s.Name.Name))
	items := make([]string, 0, len(s.Columns)+1)
	for _, c := range s.Columns {
		item := DisplayIdent(c.Name) + " " + c.Type
		if c.NotNull {
			item += " NOT NULL"
		}
		if c.Default != "" {
			item += " DEFAULT " + c.Default
		}
		items = append(items, item)
	}
	if s.PrimaryKey != nil {
		items = append(items, "PRIMARY KEY ("+displayNames(s.PrimaryKey)+")")
	}
	b.WriteString(" (\n  " + strings.Join(items, ",\n  ") + "\n)")
	return b.String()
}

func displayNames(columns []ColumnName) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = DisplayIdent(c.Name)
	}
	return strings.Join(names, ", ")
}
