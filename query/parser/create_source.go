package parser

import (
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
)

const (
	hintNotNull     = "Columns of a source may be NULL, because a record may lack the field. Leave NOT NULL out and write WHERE col IS NOT NULL in the view."
	hintPlainColumn = "A column of a source is: name type [PATH 'where'] [AS expression] [PRIMARY KEY]."
)

// create dispatches on what is to be created.
func (p *parser) create() Statement {
	p.expect("create")
	orReplace := p.peek()
	replace := p.accept("or", "replace")
	t := p.peek()
	if t.isAny("temp", "temporary", "global", "local", "unlogged") {
		panic(unsupportedHere(t, hintObjects, "CREATE %s is not supported", strings.ToUpper(t.Value)))
	}
	if replace && !t.is("materialized") {
		panic(unsupportedHere(orReplace, "Only a materialized view can be replaced. Drop the object first.", "CREATE OR REPLACE is not supported here"))
	}
	switch {
	case p.accept("source"):
		return p.createSource(false)
	case p.accept("table"):
		if p.isTable() {
			return p.createTable()
		}
		return p.createSource(true)
	case p.accept("materialized"):
		p.expect("view")
		return p.createView(replace)
	case t.isAny("role", "user"):
		return p.createRole(p.take().is("user"))
	case t.is("view"):
		panic(unsupportedHere(t, "Write CREATE MATERIALIZED VIEW.", "CREATE VIEW is not supported"))
	case t.isAny("sink", "subscription"):
		panic(unsupportedHere(t, hintObjects, "CREATE %s is not supported yet", strings.ToUpper(t.Value)))
	case t.Kind == Word:
		panic(unsupportedHere(t, hintObjects, "CREATE %s is not supported", strings.ToUpper(t.Value)))
	}
	panic(syntaxError(t))
}

func (p *parser) createSource(table bool) Statement {
	start := p.tokens[0]
	s := &CreateSource{Table: table, IfNotExists: p.ifNotExists(), Name: p.newName()}
	if table && p.peek().is("as") {
		panic(unsupportedHere(start, "Write CREATE MATERIALIZED VIEW … AS SELECT ….", "CREATE TABLE AS is not supported"))
	}
	if p.peek().mark("(") {
		p.columns(s)
	} else {
		s.Star = &Star{Offset: s.Name.Offset}
	}
	var keys []int // of the columns that are whole keys
	for p.peek().is("include") {
		c, isKey := p.include()
		if isKey {
			keys = append(keys, len(s.Columns))
		}
		s.Columns = append(s.Columns, c)
	}
	if p.accept("with") {
		s.Options = p.options()
	}
	if p.accept("format") {
		s.Format = strings.ToUpper(p.identifier().Value)
		p.expect("encode")
		s.Encode = strings.ToUpper(p.identifier().Value)
		if p.peek().mark("(") {
			s.EncodeOptions = p.options()
		}
		if p.accept("key", "encode") {
			s.KeyEncode = strings.ToUpper(p.identifier().Value)
		}
	}
	if s.decodesKeys() {
		for _, i := range keys {
			s.Columns[i].Part, s.Columns[i].Expr, s.Columns[i].ExprOffset = partKey, "", 0
		}
	}
	p.end()
	if table && !hasOption(s.Options, "connector") {
		panic(unsupportedHere(start, "Write CREATE SOURCE for a stream that INSERT feeds; a table of rows has neither WATERMARK nor WITH nor FORMAT.",
			"CREATE TABLE with the clauses of a source needs a connector"))
	}
	return s
}

// decodesKeys reports whether KEY ENCODE says more about the columns of INCLUDE key
// than that they are bytes or a text, which _key has as well.
func (s *CreateSource) decodesKeys() bool {
	switch s.KeyEncode {
	case "JSON", "AVRO", "PROTOBUF":
		return s.Format == "PLAIN"
	}
	return false
}

func hasOption(options []Option, name string) bool {
	for _, o := range options {
		if o.Name == name {
			return true
		}
	}
	return false
}

// columns reads the list in parentheses.
func (p *parser) columns(s *CreateSource) {
	p.expectMark("(")
	seen := map[string]bool{}
	for _, c := range batch.MetadataColumns() {
		seen[c.Name] = true
	}
	for {
		t := p.peek()
		switch {
		case t.is("watermark") && p.peekAt(1).is("for"):
			if s.Watermark != nil {
				panic(errorAt(t.Offset, codeSyntax, "a source has one WATERMARK"))
			}
			s.Watermark = p.watermark()
		case t.mark("*"):
			if s.Star != nil {
				panic(errorAt(t.Offset, codeSyntax, "a source has one *"))
			}
			s.Star = &Star{At: len(s.Columns), Offset: p.take().Offset}
		case t.is("primary"):
			p.expect("primary", "key")
			s.setKey(t, p.columnNames())
		case t.isAny("unique", "constraint", "check", "foreign"):
			panic(unsupportedHere(t, hintPlainColumn, "%s in a source is not supported", constraintName(t)))
		default:
			c := p.column(s)
			if lower := strings.ToLower(c.Name); seen[lower] {
				panic(errorAt(c.Offset, codeDuplicate, "column \"%s\" specified more than once", c.Name).
					withHint("Names of columns differ in more than letter case; _partition, _offset, _timestamp and _key are always there."))
			} else {
				seen[lower] = true
			}
			s.Columns = append(s.Columns, c)
		}
		if !p.acceptMark(",") {
			break
		}
	}
	p.expectMark(")")
}

func (s *CreateSource) setKey(t Token, columns []ColumnName) {
	if s.PrimaryKey != nil {
		panic(errorAt(t.Offset, codeInvalidDefinition, "multiple primary keys for source \"%s\" are not allowed", s.Name.Name))
	}
	s.PrimaryKey = columns
}

// column reads a column of a source, nil for one that exists already.
func (p *parser) column(s *CreateSource) Column {
	name := p.identifier()
	c := Column{Name: name.Value, Offset: name.Offset, TypeOffset: p.peek().Offset}
	c.Type = p.typeName()
	for {
		t := p.peek()
		switch {
		case t.is("as") && c.Path == "":
			p.take()
			c.Expr, c.ExprOffset = p.expression()
			return c
		case t.is("null"):
			p.take()
		case p.isPath() && c.Path == "":
			p.take()
			c.Path, c.PathOffset = p.peek().Value, p.peek().Offset
			if p.take(); c.Path == "" {
				panic(errorAt(c.PathOffset, codeSyntax, "the path of column \"%s\" is empty", c.Name))
			}
		case t.is("as") && c.Path != "":
			panic(unsupportedHere(t, hintPlainColumn, "column \"%s\" can't have a path and an expression", c.Name))
		case t.is("primary") && s != nil:
			p.expect("primary", "key")
			s.setKey(t, []ColumnName{{Name: c.Name, Offset: c.Offset}})
		case t.is("not"):
			panic(unsupportedHere(t, hintNotNull, "NOT NULL is not supported in a source"))
		case t.mark(",") || t.mark(")") || t.Kind == EOF:
			return c
		case t.Kind == Word && columnConstraints[t.Value]:
			panic(unsupportedHere(t, hintPlainColumn, "%s in a source is not supported", constraintName(t)))
		default:
			p.fail()
		}
	}
}

func constraintName(t Token) string {
	if t.isAny("primary", "foreign") {
		return strings.ToUpper(t.Value) + " KEY"
	}
	return strings.ToUpper(t.Value)
}

// columnConstraints end a type's name, as do AS, NOT and NULL.
var columnConstraints = wordSet("as not null default primary unique check references generated collate constraint")

// typeName reads a type: words, with parameters in parentheses and brackets.
func (p *parser) typeName() string {
	return p.typeUntil(func(t Token, first bool) bool {
		return !first && p.isPath() || t.mark(")") || t.mark("]") || t.mark(",") || t.Kind == Word && columnConstraints[t.Value]
	})
}

// typeOfPart reads a type of one word, with what is in parentheses and brackets behind
// it: FORMAT or WITH may follow.
func (p *parser) typeOfPart() string {
	return p.typeUntil(func(t Token, first bool) bool { return !first && !t.mark("(") && !t.mark("[") })
}

// typeUntil reads a type up to a token outside of parentheses and brackets that ends it.
func (p *parser) typeUntil(ends func(t Token, first bool) bool) string {
	var text strings.Builder
	var last Token
	for depth := 0; ; {
		t := p.peek()
		if t.Kind == EOF || depth == 0 && ends(t, text.Len() == 0) {
			break
		}
		if !isTypeToken(t) {
			p.fail()
		}
		if t.mark("(") || t.mark("[") {
			depth++
		} else if t.mark(")") || t.mark("]") {
			depth--
		}
		if needsSpace(last, t) {
			text.WriteByte(' ')
		}
		text.WriteString(t.Text)
		last = p.take()
	}
	if text.Len() == 0 {
		p.fail()
	}
	return text.String()
}

// isPath reports whether PATH 'text' comes next, which a type may stand in front of.
func (p *parser) isPath() bool { return p.peek().is("path") && p.peekAt(1).Kind == String }

func isTypeToken(t Token) bool {
	switch t.Kind {
	case Word, Quoted, Number:
		return true
	case Punct:
		return strings.Contains("()[],", t.Text)
	}
	return false
}

// needsSpace reports whether two tokens of a type would run into each other, or are
// easier to read apart.
func needsSpace(last, t Token) bool {
	wordy := func(t Token) bool { return t.Kind == Word || t.Kind == Quoted || t.Kind == Number }
	named := t.Kind == Word || t.Kind == Quoted // what follows a comma in STRUCT and MAP
	return wordy(t) && (wordy(last) || last.mark(")") || last.mark("]")) || named && last.mark(",")
}

// expression reads an expression up to the comma or parenthesis that ends it,
// and keeps it as text.
func (p *parser) expression() (text string, offset int) {
	first := p.peek()
	last := first
	for depth := 0; ; {
		t := p.peek()
		opening := t.mark("(") || t.mark("[") || t.mark("{")
		closing := t.mark(")") || t.mark("]") || t.mark("}")
		if t.Kind == EOF || depth == 0 && (closing || t.mark(",")) {
			break
		}
		if opening {
			depth++
		} else if closing {
			depth--
		}
		last = p.take()
	}
	if p.peek().Offset == first.Offset {
		p.fail()
	}
	return p.text(first, last), first.Offset
}

func (p *parser) watermark() *Watermark {
	p.expect("watermark", "for")
	column := p.identifier()
	p.expect("as")
	w := &Watermark{Column: column.Value, Offset: column.Offset}
	w.Expr, w.ExprOffset = p.expression()
	return w
}

// included are the fields of a record that INCLUDE makes columns of.
var included = map[string]struct{ metadata, typ string }{
	"key": {batch.KeyColumn, "BLOB"}, "partition": {batch.PartitionColumn, "INTEGER"},
	"offset": {batch.OffsetColumn, "BIGINT"}, "timestamp": {batch.TimestampColumn, "TIMESTAMPTZ"},
}

// includedParts are the types of the columns that INCLUDE makes of other parts of a
// record.
var includedParts = map[string]string{"header": "BLOB", "headers": "JSON", "payload": "BLOB"}

// keyText is the expression of a column that is the key's text.
const keyText = "decode(" + batch.KeyColumn + ")"

// includedField returns the field of a record that INCLUDE makes a column of with an
// expression.
func includedField(expr string) string {
	for field, in := range included {
		if in.metadata == expr {
			return field
		}
	}
	return partKey // of keyText
}

// partKey is the part of a record that columns are which its key is decoded to.
const partKey = "key"

// include reads INCLUDE field ['header'] [type] [AS name]. Some fields are short for a
// generated column of one of the metadata columns, others are columns of their own.
// isKey says that it is the whole key as something else than bytes: what it is then
// depends on KEY ENCODE.
func (p *parser) include() (c Column, isKey bool) {
	p.expect("include")
	field := p.take() // not an identifier: offset is a reserved word
	c = Column{Name: "record_" + field.Value, Offset: field.Offset, TypeOffset: field.Offset}
	in, isMetadata := included[field.Value]
	part, isPart := includedParts[field.Value]
	switch {
	case field.is(partKey) && p.peek().Kind == String:
		c.Type, c.Part = "VARCHAR", partKey
		p.partName(&c)
	case isMetadata:
		c.Type, c.Expr, c.ExprOffset = in.typ, in.metadata, field.Offset
	case isPart:
		c.Type, c.Part = part, field.Value
		if field.is("header") && p.peek().Kind == String {
			p.partName(&c)
		} else if field.is("header") { // without a name, all of them
			c.Part, c.Type = "headers", includedParts["headers"]
		}
	default:
		panic(syntaxError(field))
	}
	if t := p.peek(); t.Kind == Word && !t.isAny("as", "include", "with", "format") {
		c.Type, c.TypeOffset = p.typeOfPart(), t.Offset
		isKey = field.is(partKey) && c.Part == "" && !t.isAny("blob", "bytea", "binary", "varbinary")
		if isKey {
			c.Expr = keyText
		}
	}
	if p.accept("as") {
		name := p.identifier()
		c.Name, c.Offset = name.Value, name.Offset
	}
	for _, m := range batch.MetadataColumns() {
		if strings.EqualFold(m.Name, c.Name) {
			panic(errorAt(c.Offset, codeDuplicate, "column \"%s\" specified more than once", c.Name).
				withHint("It is always there; give the copy another name."))
		}
	}
	return c, isKey
}

// partName reads the name of a header or of a key's field, which the column has as well.
func (p *parser) partName(c *Column) {
	name := p.take()
	if name.Value == "" {
		panic(syntaxError(name))
	}
	c.PartName = name.Value
	c.Name += "_" + strings.ToLower(name.Value)
}
