package parser

import "strings"

// CopyTo is COPY … TO STDOUT of a relation, a query or a subscription. CopyFrom
// is the other direction.
type CopyTo struct {
	Table     Name         // empty: a query or a subscription is copied
	Columns   []ColumnName // of the table, in the order given; nil: all
	SQL       string       // the query in the parentheses
	Offset    int          // of SQL in the statement
	Subscribe *Subscribe   // instead of SQL
	Format    CopyFormat
}

// CopyFormat is how COPY writes rows.
type CopyFormat struct {
	Kind       string       // text, csv, binary or parquet
	Header     bool         // a first line with the names
	Delimiter  byte         // between two values
	Null       string       // stands for NULL
	Quote      byte         // around values of csv
	Escape     byte         // before a quote inside them
	ForceQuote []ColumnName // columns of csv whose values always get quotes
	QuoteAll   bool         // FORCE_QUOTE *
}

// Command returns the tag COPY.
func (*CopyTo) Command() string { return "COPY" }

const (
	hintCopyFiles = "Millstream does not touch its server's files. COPY … TO STDOUT sends the rows to the client; psql's \\copy writes them to a file there."
	hintCopyForms = "The formats are text, csv and binary."
)

// copy reads COPY in either direction.
func (p *parser) copy() Statement {
	start := p.pos
	p.expect("copy")
	c := &CopyTo{}
	if p.acceptMark("(") {
		p.copyQuery(c)
	} else {
		c.Table = p.name()
		c.Columns = p.givenColumns()
	}
	if c.Table.Name != "" && p.peek().is("from") {
		p.pos = start
		return p.copyFrom()
	}
	p.expect("to")
	if t := p.peek(); t.Kind == String || t.is("program") {
		panic(unsupportedHere(t, hintCopyFiles, "COPY TO a file or program is not supported"))
	}
	p.expect("stdout")
	c.Format = p.copyFormat()
	p.end()
	return c
}

// givenColumns reads ( name, … ), if it stands here.
func (p *parser) givenColumns() []ColumnName {
	if !p.peek().mark("(") {
		return nil
	}
	return p.columnNames()
}

// copyQuery reads the query, or the subscription, behind the parenthesis.
func (p *parser) copyQuery(c *CopyTo) {
	if p.peek().is("subscribe") {
		c.Subscribe = p.subscription()
		p.expectMark(")")
		return
	}
	c.SQL, c.Offset = p.parenthesized()
}

// parenthesized consumes up to the parenthesis that closes the one just
// consumed, and returns the text between them.
func (p *parser) parenthesized() (sql string, offset int) {
	first := p.peek()
	for depth := 1; ; {
		t := p.peek()
		switch {
		case t.Kind == EOF:
			panic(syntaxError(t))
		case t.mark("(") || t.mark("[") || t.mark("{"):
			depth++
		case t.mark(")") || t.mark("]") || t.mark("}"):
			depth--
		}
		if depth == 0 {
			break
		}
		p.take()
	}
	closing := p.peek()
	if closing.Offset == first.Offset {
		panic(syntaxError(closing))
	}
	sql = p.text(first, p.tokens[p.pos-1])
	p.expectMark(")")
	return sql, first.Offset
}

// copyFormat reads WITH (option value, …) and the older list of options
// without parentheses.
func (p *parser) copyFormat() CopyFormat { return p.copyOptions(false) }

// copyOptions is copyFormat for the formats of files, too.
func (p *parser) copyOptions(files bool) CopyFormat {
	r := copyToOptions{p: p, given: map[string]Token{}, files: files}
	r.format.Kind = "text"
	with := p.accept("with")
	switch {
	case p.acceptMark("("):
		r.list()
	case p.peek().Kind == EOF && with:
		p.fail()
	default:
		r.words()
	}
	return r.finish()
}

// copyToOptions collects the options of one COPY.
type copyToOptions struct {
	p      *parser
	format CopyFormat
	given  map[string]Token // by name, for what is wrong with them
	files  bool             // parquet is a format
}

func (r *copyToOptions) once(name string, at Token) {
	if _, twice := r.given[name]; twice {
		panic(errorAt(at.Offset, codeSyntax, "conflicting or redundant options"))
	}
	r.given[name] = at
}

// list reads the options in parentheses.
func (r *copyToOptions) list() {
	p := r.p
	for {
		t := p.take()
		if t.Kind != Word {
			panic(syntaxError(t))
		}
		r.once(t.Value, t)
		r.option(t)
		if !p.acceptMark(",") {
			p.expectMark(")")
			return
		}
	}
}

func (r *copyToOptions) option(t Token) {
	p := r.p
	switch t.Value {
	case "format":
		r.kind(p.take())
	case "header":
		r.format.Header = p.copyBool()
	case "delimiter":
		r.format.Delimiter = r.character(t)
	case "quote":
		r.format.Quote = r.character(t)
	case "escape":
		r.format.Escape = r.character(t)
	case "null":
		r.format.Null = r.text(t)
	case "force_quote":
		if r.format.QuoteAll = p.acceptMark("*"); !r.format.QuoteAll {
			if r.format.ForceQuote = p.givenColumns(); r.format.ForceQuote == nil {
				p.fail()
			}
		}
	case "encoding":
		r.encoding()
	case "freeze":
		p.copyBool()
	default:
		panic(errorAt(t.Offset, codeSyntax, "option \"%s\" not recognized", excerpt(t.Value)).
			withHint("COPY knows format, header, delimiter, null, quote, escape, force_quote and encoding."))
	}
}

// words reads the options as they were written before there were parentheses.
func (r *copyToOptions) words() {
	p := r.p
	for p.peek().Kind != EOF {
		t := p.take()
		r.once(t.Value, t)
		switch {
		case t.isAny("csv", "binary"):
			r.kind(t)
		case t.is("header"):
			r.format.Header = true
		case t.isAny("delimiter", "delimiters", "quote", "escape", "null", "encoding"):
			p.accept("as")
			if t.is("delimiters") {
				t.Value = "delimiter"
			}
			r.option(t)
		case t.is("force") && p.accept("quote"):
			if r.format.QuoteAll = p.acceptMark("*"); r.format.QuoteAll {
				continue
			}
			for {
				c := p.identifier()
				r.format.ForceQuote = append(r.format.ForceQuote, ColumnName{Name: c.Value, Offset: c.Offset})
				if !p.acceptMark(",") {
					break
				}
			}
		default:
			panic(syntaxError(t))
		}
	}
}

func (r *copyToOptions) kind(t Token) {
	kind := strings.ToLower(t.Value)
	if r.files && kind == "parquet" {
		r.format.Kind = kind
		return
	}
	if t.Kind != Word && t.Kind != String && t.Kind != Quoted || kind != "text" && kind != "csv" && kind != "binary" {
		panic(errorAt(t.Offset, codeBadOption, "COPY format \"%s\" not recognized", excerpt(t.Value)).withHint(hintCopyForms))
	}
	r.format.Kind = kind
}

func (r *copyToOptions) text(option Token) string {
	t := r.p.take()
	if t.Kind != String && t.Kind != Word {
		panic(syntaxError(t))
	}
	if strings.ContainsAny(t.Value, "\r\n") {
		panic(errorAt(t.Offset, codeBadOption, "COPY %s can't contain a newline", option.Value))
	}
	return t.Value
}

// character reads a value that is one byte.
func (r *copyToOptions) character(option Token) byte {
	at := r.p.peek()
	text := r.text(option)
	if len(text) != 1 || text[0] >= 0x80 {
		panic(errorAt(at.Offset, codeUnsupported, "COPY %s must be a single one-byte character", option.Value))
	}
	return text[0]
}

func (r *copyToOptions) encoding() {
	t := r.p.take()
	if name := strings.ToUpper(strings.NewReplacer("-", "", "_", "").Replace(t.Value)); name != "UTF8" && name != "UNICODE" {
		panic(errorAt(t.Offset, codeUnsupported, "encoding \"%s\" is not supported", excerpt(t.Value)).withHint("Only UTF8 is."))
	}
}

// copyBool reads an option's boolean, which may be left out.
func (p *parser) copyBool() bool {
	t := p.peek()
	switch strings.ToLower(t.Value) {
	case "true", "on", "1":
		p.take()
	case "false", "off", "0":
		p.take()
		return false
	default:
		if !t.mark(",") && !t.mark(")") {
			panic(syntaxError(t))
		}
	}
	return true
}

// finish fills in the defaults and refuses what does not go together.
func (r *copyToOptions) finish() CopyFormat {
	f := r.format
	needs := func(kind string, options ...string) {
		for _, o := range options {
			if t, ok := r.given[o]; ok && f.Kind != kind {
				panic(errorAt(t.Offset, codeUnsupported, "COPY %s is only for the format %s", strings.ReplaceAll(o, "_", " "), kind))
			}
		}
	}
	needs("csv", "quote", "escape", "force_quote", "force")
	if f.Kind == "binary" {
		for _, o := range []string{"delimiter", "delimiters", "null", "header"} {
			if t, ok := r.given[o]; ok {
				panic(errorAt(t.Offset, codeSyntax, "can't specify %s in BINARY mode", strings.ToUpper(o)))
			}
		}
		return f
	}
	if _, given := r.given["null"]; !given && f.Kind == "text" {
		f.Null = `\N`
	}
	if f.Delimiter == 0 {
		f.Delimiter = map[string]byte{"text": '\t', "csv": ','}[f.Kind]
	}
	at := r.given["null"]
	if t, ok := r.given["delimiter"]; ok {
		at = t
	}
	switch {
	case strings.IndexByte("\r\n", f.Delimiter) >= 0,
		f.Kind == "text" && strings.IndexByte(`\.abcdefghijklmnopqrstuvwxyz0123456789`, f.Delimiter) >= 0:
		panic(errorAt(at.Offset, codeBadOption, "COPY delimiter can't be \"%c\"", f.Delimiter))
	case strings.IndexByte(f.Null, f.Delimiter) >= 0:
		panic(errorAt(at.Offset, codeBadOption, "COPY delimiter must not appear in the NULL specification"))
	}
	if f.Kind == "csv" {
		if f.Quote == 0 {
			f.Quote = '"'
		}
		if f.Escape == 0 {
			f.Escape = f.Quote
		}
		if f.Quote == f.Delimiter || strings.IndexByte(f.Null, f.Quote) >= 0 {
			panic(errorAt(r.given["quote"].Offset, codeBadOption, "COPY quote must differ from the delimiter and the NULL specification"))
		}
	}
	return f
}
