package pgcatalog

import (
	"slices"

	"github.com/millstream-db/millstream/query/parser"
)

// Rewrite returns the statement as DuckDB runs it over the shadow catalog, and
// whether that is another text. A statement that asks for nothing of Postgres's
// catalog, or that can't be cut into tokens, comes back as it is.
func Rewrite(sql string) (rewritten string, changed bool) {
	tokens, err := parser.Lex(sql)
	if err != nil {
		return sql, false
	}
	r := newRewriter(sql, tokens)
	r.casts()
	r.operators()
	r.names()
	if len(r.edits) == 0 {
		return sql, false
	}
	if r.catalog {
		r.dialect()
		r.nulls()
		r.vectors()
		r.procedures()
	}
	r.resultNames()
	return r.text().SQL, true
}

// rewriter collects what is to change in one statement. Each of its passes goes
// over all tokens and looks for one thing.
type rewriter struct {
	sql     string
	tokens  []parser.Token
	partner []int    // of a bracket: where its other half is; else -1
	clause  []clause // of each token
	taken   []bool   // tokens that a pass has dealt with
	ctes    map[string]bool
	aliases map[string]*relation // what the names in FROM stand for
	edits   []edit
	hasFrom bool // the word FROM is in it
	setOp   bool // so is UNION, EXCEPT or INTERSECT
	catalog bool // the statement speaks to the catalog, not just to functions
}

// clause is the place of a token: directly in a select list, or where the name
// of a relation is expected, or anywhere else.
type clause uint8

const (
	elsewhere clause = iota
	selectList
	relationName
)

// edit replaces the text between two offsets.
type edit struct {
	start, end int
	text       string
}

func newRewriter(sql string, tokens []parser.Token) *rewriter {
	r := &rewriter{
		sql: sql, tokens: tokens,
		partner: partners(tokens),
		taken:   make([]bool, len(tokens)),
		ctes:    map[string]bool{},
		aliases: map[string]*relation{},
	}
	r.clause = r.clauses()
	return r
}

// partners finds the other half of each bracket.
func partners(tokens []parser.Token) []int {
	partner := make([]int, len(tokens))
	var open []int
	for i, t := range tokens {
		partner[i] = -1
		if t.Kind != parser.Punct {
			continue
		}
		switch t.Text {
		case "(", "[", "{":
			open = append(open, i)
		case ")", "]", "}":
			if n := len(open); n > 0 {
				partner[i], partner[open[n-1]] = open[n-1], i
				open = open[:n-1]
			}
		}
	}
	return partner
}

// level is what is open at one depth of parentheses.
type level struct{ list, from, expect bool }

// clauses finds the place of each token, and the names of CTEs.
func (r *rewriter) clauses() []clause {
	out := make([]clause, len(r.tokens))
	levels := []level{{}}
	for i, t := range r.tokens {
		l := &levels[len(levels)-1]
		switch {
		case l.expect:
			out[i] = relationName
		case l.list:
			out[i] = selectList
		}
		switch {
		case r.mark(i, "("), r.mark(i, "["), r.mark(i, "{"):
			inner := level{from: l.expect, expect: l.expect}
			l.expect = false
			levels = append(levels, inner)
		case r.mark(i, ")"), r.mark(i, "]"), r.mark(i, "}"):
			if len(levels) > 1 {
				levels = levels[:len(levels)-1]
			}
		case r.mark(i, ","):
			l.expect = l.from
		case r.mark(i, ";"):
			levels = []level{{}}
		case t.Kind == parser.Word && !r.mark(i-1, "."):
			l.keyword(t.Value)
			r.hasFrom = r.hasFrom || t.Value == "from"
			r.setOp = r.setOp || t.Value == "union" || t.Value == "except" || t.Value == "intersect"
			r.noteCTE(i)
		case t.Kind == parser.Word:
			l.expect = false
		case t.Kind == parser.Quoted:
			l.expect = l.expect && r.mark(i+1, ".")
			r.noteCTE(i)
		}
	}
	return out
}

// keyword moves the level on at a word that isn't behind a dot.
func (l *level) keyword(word string) {
	switch word {
	case "select":
		*l = level{list: true}
	case "from":
		*l = level{from: true, expect: true}
	case "join":
		l.expect = l.from
	case "where", "group", "having", "order", "limit", "offset", "fetch", "window", "qualify", "union", "except", "intersect", "on", "using":
		l.list, l.expect = false, false
		l.from = l.from && (word == "on" || word == "using")
	case "lateral", "only", "pg_catalog", "information_schema", "millstream", "distinct", "all":
	default:
		l.expect = false
	}
}

// noteCTE notes a name that is followed by AS (…).
func (r *rewriter) noteCTE(i int) {
	j := i + 1
	if r.mark(j, "(") && r.partner[j] > 0 {
		j = r.partner[j] + 1
	}
	if !r.word(j, "as") {
		return
	}
	j++
	if r.word(j, "not") {
		j++
	}
	if r.word(j, "materialized") {
		j++
	}
	if r.mark(j, "(") {
		r.ctes[r.tokens[i].Value] = true
	}
}

// mark reports whether the token is the given punctuation.
func (r *rewriter) mark(i int, text string) bool {
	return i >= 0 && i < len(r.tokens) && r.tokens[i].Kind == parser.Punct && r.tokens[i].Text == text
}

// word reports whether the token is one of the given keywords.
func (r *rewriter) word(i int, words ...string) bool {
	return i >= 0 && i < len(r.tokens) && r.tokens[i].Kind == parser.Word && slices.Contains(words, r.tokens[i].Value)
}

// name reports whether the token may be a name.
func (r *rewriter) name(i int) bool {
	return i >= 0 && i < len(r.tokens) && (r.tokens[i].Kind == parser.Word || r.tokens[i].Kind == parser.Quoted)
}

// chain returns the names joined by dots that begin at a token, and the token
// behind them.
func (r *rewriter) chain(i int) (names []string, end int) {
	for r.name(i) {
		names = append(names, r.tokens[i].Value)
		i++
		if !r.mark(i, ".") || !r.name(i+1) {
			break
		}
		i++
	}
	return names, i
}

// replace replaces the tokens from first up to, not including, end.
func (r *rewriter) replace(first, end int, text string) {
	r.edits = append(r.edits, edit{r.tokens[first].Offset, r.tokens[end-1].End(), text})
	for i := first; i < end; i++ {
		r.taken[i] = true
	}
}

// before and behind insert text at a token.
func (r *rewriter) before(i int, text string) {
	r.edits = append(r.edits, edit{r.tokens[i].Offset, r.tokens[i].Offset, text})
}

func (r *rewriter) behind(i int, text string) {
	r.edits = append(r.edits, edit{r.tokens[i].End(), r.tokens[i].End(), text})
}
