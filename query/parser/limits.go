package parser

import (
	"strings"
	"unicode/utf8"
)

// Limits of one statement. They stand before DuckDB's parser because that one
// has no deadline: a chain of 20,000 UNION ALL keeps it busy for a minute and
// takes 7 GB, and no interrupt reaches it there.
const (
	MaxBytes     = 1 << 20 // of text
	MaxTokens    = 100_000 // besides those of the items of lists
	MaxNesting   = 200     // of parentheses, brackets, braces and CASE
	MaxSetOps    = 500     // UNION, INTERSECT and EXCEPT
	MaxJoins     = 100     // JOINs; planning 150 of them with USING takes 5 s
	MaxListItems = 10_000  // separated by commas in one list
	MaxValues    = 70_000  // the same of VALUES, IN (…) and arguments; a statement of the protocol may have 65,535 parameters
	MaxTerms     = 35_000  // ANDs, ORs and WHENs, as many as MaxTokens has room for
	MaxChain     = 250     // operators in one expression without a comma, AND or OR
)

// Lex cuts a statement into tokens and checks it against the limits. The last
// token is EOF. The error is an *Error.
func Lex(sql string) ([]Token, error) {
	tokens, err := lex(sql)
	if err != nil {
		return nil, err
	}
	return tokens, nil
}

func lex(sql string) ([]Token, *Error) {
	if len(sql) > MaxBytes {
		return nil, errorAt(NoOffset, codeLimit, "statement is too long: %d bytes, the most is %d", len(sql), MaxBytes)
	}
	if bad := badByte(sql); bad >= 0 {
		return nil, errorAt(bad, codeBadEncoding, "invalid byte sequence for encoding \"UTF8\": 0x%02x", sql[bad])
	}
	s := scanner{sql: sql}
	tokens := make([]Token, 0, len(sql)/5+2)
	var l limiter
	for {
		t, err := s.next()
		if err != nil {
			return nil, err
		}
		if len(tokens) >= MaxTokens+tokensOfItem*l.commas {
			return nil, errorAt(t.Offset, codeLimit, "statement has more than %d tokens", MaxTokens)
		}
		if err := l.check(t); err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
		if t.Kind == EOF {
			return tokens, nil
		}
	}
}

// badByte returns the offset of the first byte that can't be in a statement, or
// -1. A NUL would end the text for DuckDB's C API and not for us.
func badByte(sql string) int {
	nul := strings.IndexByte(sql, 0)
	if utf8.ValidString(sql) {
		return nul
	}
	for i := 0; i < len(sql); {
		r, size := utf8.DecodeRuneInString(sql[i:])
		if r == utf8.RuneError && size == 1 || r == 0 {
			return i
		}
		i += size
	}
	return nul
}

// tokensOfItem is how many tokens an item of a list has that does not count: ($1::text),
const tokensOfItem = 6

// limiter counts what makes a statement deep or long while it is read.
type limiter struct {
	levels []level // the open parentheses
	setOps int
	joins  int
	commas int
	terms  int
	dotted bool // the token before was a dot: what follows is a name, not a keyword
}

// level is what has been counted inside one pair of parentheses.
type level struct {
	cases  int // open CASEs
	commas int
	chain  int
	values bool // what is between the commas are values, and not what a SELECT returns or sorts by
}

// separators end an expression's chain of operators.
var separators = map[string]bool{
	"and": true, "or": true, "select": true, "from": true, "where": true, "group": true, "having": true,
	"order": true, "limit": true, "when": true, "then": true, "else": true, "on": true, "using": true,
	"union": true, "intersect": true, "except": true, "join": true, "with": true, "values": true, "as": true,
	"window": true, "qualify": true,
}

func (l *limiter) check(t Token) *Error {
	if len(l.levels) == 0 {
		l.levels = append(l.levels, level{})
	}
	top := &l.levels[len(l.levels)-1]
	dotted := l.dotted
	l.dotted = t.mark(".")
	switch t.Kind {
	case Word:
		if dotted {
			return nil
		}
		return l.checkWord(t, top)
	case Operator:
		return top.link(t, len(t.Text))
	case Punct:
		return l.checkPunct(t, top)
	}
	return nil
}

func (l *limiter) checkPunct(t Token, top *level) *Error {
	switch t.Text {
	case "(", "[", "{":
		if err := top.link(t, 1); err != nil { // f(x)(y)… and a[1][2]… are chains too
			return err
		}
		l.levels = append(l.levels, level{values: true})
		return l.checkDepth(t)
	case ")", "]", "}":
		if len(l.levels) > 1 {
			l.levels = l.levels[:len(l.levels)-1]
		}
	case ",":
		top.commas++
		l.commas++
		top.chain = 0
		if most := top.mostItems(); top.commas >= most {
			return errorAt(t.Offset, codeLimit, "a list has more than %d items", most).
				withHint("Join with a VALUES list in several statements, or with a source.")
		}
	case ".", "::":
		return top.link(t, 1)
	}
	return nil
}

func (lv *level) mostItems() int {
	if lv.values {
		return MaxValues
	}
	return MaxListItems
}

func (l *limiter) checkWord(t Token, top *level) *Error {
	switch t.Value {
	case "case":
		top.cases++
		return l.checkDepth(t)
	case "end":
		top.cases = max(top.cases-1, 0)
	case "union", "intersect", "except":
		if l.setOps++; l.setOps > MaxSetOps {
			return errorAt(t.Offset, codeTooComplex, "statement has more than %d set operations", MaxSetOps)
		}
	case "join":
		if l.joins++; l.joins > MaxJoins {
			return errorAt(t.Offset, codeTooComplex, "statement has more than %d joins", MaxJoins)
		}
	case "select", "values":
		top.values = t.Value == "values"
	case "and", "or", "when":
		if l.terms++; l.terms > MaxTerms {
			return errorAt(t.Offset, codeLimit, "statement has more than %d conditions", MaxTerms)
		}
	case "not", "is", "collate", "between", "like", "ilike", "similar", "isnull", "notnull", "glob", "at":
		return top.link(t, 1)
	}
	if separators[t.Value] {
		top.chain = 0
	}
	return nil
}

func (l *limiter) checkDepth(t Token) *Error {
	depth := len(l.levels) - 1
	for i := range l.levels {
		depth += l.levels[i].cases
	}
	if depth > MaxNesting {
		return errorAt(t.Offset, codeTooComplex, "statement is nested more than %d levels deep", MaxNesting)
	}
	return nil
}

func (lv *level) link(t Token, n int) *Error {
	if lv.chain += n; lv.chain > MaxChain {
		return errorAt(t.Offset, codeTooComplex, "expression has more than %d operators", MaxChain).
			withHint("Break it up with a subquery, or use a list: x IN (…), list_sum([…]).")
	}
	return nil
}
