package parser

// CellKind says what a cell is.
type CellKind uint8

// The kinds of cells. Text, parameters and NULL have no type of their own:
// they are what the column takes, as in PostgreSQL.
const (
	ExpressionCell CellKind = iota
	TextCell
	NumberCell
	NullCell
	ParamCell
	DefaultCell // the word DEFAULT
)

// Cell is one expression of a VALUES list or of a SELECT list, without its alias.
type Cell struct {
	Text   string
	Offset int // in the text given to Cells
	Kind   CellKind
}

// End returns the byte offset behind the cell.
func (c Cell) End() int { return c.Offset + len(c.Text) }

// Cells cuts the query of an INSERT into its expressions, so that each can be
// given the type of its column. rows are those of a VALUES list with nothing
// behind it; list is that of one plain SELECT. Of any other query, and where a
// star hides how many there are, both are nil.
func Cells(sql string) (rows [][]Cell, list []Cell) {
	tokens, err := lex(sql)
	if err != nil {
		return nil, nil
	}
	p := &parser{sql: sql, tokens: tokens}
	switch {
	case tokens[0].is("values"):
		return p.valuesRows(), nil
	case tokens[0].is("select"):
		return nil, p.selectList()
	}
	return nil, nil
}

// depth follows brackets over tokens.
type depth int

func (d *depth) step(t Token) {
	switch {
	case t.mark("(") || t.mark("[") || t.mark("{"):
		*d++
	case t.mark(")") || t.mark("]") || t.mark("}"):
		*d--
	}
}

// valuesRows cuts a VALUES list into cells. It is nil when something follows
// the list, or when it is none: what is wrong with it is DuckDB's to say.
func (p *parser) valuesRows() (rows [][]Cell) {
	tokens := p.tokens
	i := 1
	for {
		if !tokens[i].mark("(") {
			return nil
		}
		var d depth
		start := i + 1
		row := []Cell{}
		for ; ; i++ {
			if tokens[i].Kind == EOF {
				return nil
			}
			if d.step(tokens[i]); d == 0 || d == 1 && tokens[i].mark(",") {
				if start == i {
					return nil
				}
				row = append(row, p.cell(tokens[start:i]))
				if start = i + 1; d == 0 {
					break
				}
			}
		}
		rows = append(rows, row)
		if i++; tokens[i].Kind == EOF {
			return rows
		}
		if !tokens[i].mark(",") {
			return nil
		}
		i++
	}
}

// selectList cuts the list of a SELECT into cells.
func (p *parser) selectList() (list []Cell) {
	tokens := p.tokens
	i := 1
	if tokens[i].isAny("distinct", "all") {
		i++
		if tokens[i].is("on") {
			return nil
		}
	}
	var d depth
	start, open := i, true
	for ; tokens[i].Kind != EOF; i++ {
		t := tokens[i]
		if d.step(t); d != 0 {
			continue
		}
		if t.isAny("union", "except", "intersect") {
			return nil // the other side has a say in the types
		}
		if open && (t.mark(",") || endsSelectList(t)) {
			if start == i || star(tokens[start:i]) {
				return nil
			}
			list = append(list, p.cell(withoutAlias(tokens[start:i])))
			start, open = i+1, t.mark(",")
		}
	}
	if open {
		if start == i || star(tokens[start:i]) {
			return nil
		}
		list = append(list, p.cell(withoutAlias(tokens[start:i])))
	}
	return list
}

func endsSelectList(t Token) bool {
	return t.isAny("from", "where", "group", "having", "order", "limit", "offset", "window", "qualify")
}

// star reports whether an item may stand for several columns.
func star(item []Token) bool {
	return item[len(item)-1].mark("*") || item[0].mark("*") || item[0].is("columns") ||
		len(item) > 2 && item[1].mark(".") && item[2].mark("*")
}

func withoutAlias(item []Token) []Token {
	n := len(item)
	name := item[n-1].Kind == Word || item[n-1].Kind == Quoted
	switch {
	case n > 2 && name && item[n-2].is("as"):
		return item[:n-2]
	case n == 2 && name && (item[0].Kind == String || item[0].Kind == Param):
		return item[:1]
	}
	return item
}

func (p *parser) cell(tokens []Token) Cell {
	c := Cell{Text: p.text(tokens[0], tokens[len(tokens)-1]), Offset: tokens[0].Offset}
	t := tokens[0]
	if len(tokens) == 2 && (t.mark("-") || t.mark("+")) && tokens[1].Kind == Number {
		c.Kind = NumberCell
	}
	if len(tokens) != 1 {
		return c
	}
	switch {
	case t.Kind == String:
		c.Kind = TextCell
	case t.Kind == Number:
		c.Kind = NumberCell
	case t.Kind == Param:
		c.Kind = ParamCell
	case t.is("null"):
		c.Kind = NullCell
	case t.is("default"):
		c.Kind = DefaultCell
	}
	return c
}
