package pgcatalog

import "github.com/millstream-db/millstream/query/parser"

// Named returns a query whose subqueries' items have the names that PostgreSQL
// gives them, for one that asks for such a name: SELECT count FROM (SELECT
// count(*) FROM t).
func Named(sql string) string {
	tokens, err := parser.Lex(sql)
	if err != nil {
		return sql
	}
	r := newRewriter(sql, tokens)
	r.resultNames()
	return r.text().SQL
}

// resultNames gives the items of select lists the names that Postgres would:
// clients read columns by name, and DuckDB's name is the text of the item.
func (r *rewriter) resultNames() {
	for i := range r.tokens {
		if !r.word(i, "select") || r.mark(i-1, ".") {
			continue
		}
		r.selectList(r.listStart(i))
	}
}

// listStart returns where the list of the SELECT at a token begins.
func (r *rewriter) listStart(i int) int {
	start := i + 1
	if r.word(start, "all") {
		start++
	} else if r.word(start, "distinct") {
		start++
		if r.word(start, "on") && r.mark(start+1, "(") && r.partner[start+1] > 0 {
			start = r.partner[start+1] + 1
		}
	}
	return start
}

// selectList names the items of the list that begins at a token.
func (r *rewriter) selectList(start int) {
	for i := start; i < len(r.tokens); i++ {
		comma := r.mark(i, ",")
		if comma || r.listEnd(i) {
			r.foldName(start, i)
			if name := r.itemName(start, i); name != "" {
				r.behind(i-1, " AS "+parser.QuoteIdent(name))
			}
			start = i + 1
		}
		switch {
		case comma:
		case r.listEnd(i):
			return
		case r.partner[i] > i:
			i = r.partner[i]
		}
	}
}

// foldName writes the name that is given to an item in lower case, as Postgres
// does unless it stands in quotes; DuckDB keeps the letters.
func (r *rewriter) foldName(start, end int) {
	t := r.tokens[end-1]
	if end-1 > start && r.word(end-2, "as") && t.Kind == parser.Word && t.Text != t.Value && !r.taken[end-1] {
		r.replace(end-1, end, parser.QuoteIdent(t.Value))
	}
}

func (r *rewriter) listEnd(i int) bool {
	return r.tokens[i].Kind == parser.EOF || r.mark(i, ")") || r.mark(i, ";") || !r.mark(i-1, ".") &&
		r.word(i, "select", "from", "where", "group", "having", "order", "limit", "offset", "union", "except", "intersect", "window", "qualify", "into", "fetch")
}

// itemName returns Postgres's name for an item, or "" where DuckDB's is the same
// or the item has a name.
func (r *rewriter) itemName(start, end int) string {
	base, typeName := r.withoutCasts(start, end)
	if base <= start {
		return ""
	}
	names, next := r.chain(start)
	last := ""
	if len(names) > 0 {
		last = names[len(names)-1]
	}
	switch {
	case r.word(start, "case") && r.word(base-1, "end"):
		return "case"
	case next == base && r.word(start, "null", "true", "false"):
		return typeName
	case next == base && len(names) == 1 && r.taken[start]:
		return last // current_user
	case next == base && typeName != "":
		return last
	case r.word(start, "cast", "try_cast", "row"):
		return ""
	case len(names) > 0 && r.mark(next, "(") && r.partner[next] == base-1:
		return last
	case base == start+1 && len(names) == 0:
		return typeName
	}
	return ""
}

// withoutCasts cuts the casts off the end of an item and returns the name of the
// last one's type.
func (r *rewriter) withoutCasts(start, end int) (base int, typeName string) {
	base = end
	for i := start; i < end; i++ {
		if r.partner[i] > i {
			i = r.partner[i]
			continue
		}
		if !r.mark(i, "::") {
			continue
		}
		names, next := r.chain(i + 1)
		if len(names) == 0 {
			return start, ""
		}
		if base == end {
			base = i
		}
		typeName = names[len(names)-1]
		for (r.mark(next, "(") || r.mark(next, "[")) && r.partner[next] > next {
			next = r.partner[next] + 1
		}
		if next < end && !r.mark(next, "::") { // an operator or a name follows
			return start, ""
		}
		i = next - 1
	}
	if name, ok := sqlTypeNames[typeName]; ok {
		typeName = name
	}
	return base, typeName
}
